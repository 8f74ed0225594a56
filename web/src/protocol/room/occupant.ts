// One member of the room, as its last presence described it.

import { bare, resource } from "../jid";
import * as ns from "../ns";
import type { Element } from "../xml";

export interface Occupant {
  /** also the endpoint id and the prefix of its source names */
  nick: string;
  /** real address; empty if the room hides it */
  jid: string;
  /** display name; empty: none given */
  name: string;
  moderator: boolean;
  /** when the hand was raised, in ms since the epoch; 0: it is down */
  hand: number;
  /** by source name */
  sources: Record<string, SourceState>;
}

export interface SourceState {
  muted: boolean;
  desktop: boolean;
}

/** `undefined`: the presence lacks the item that a MUC adds (XEP-0045, section 7.2.3). */
export function readOccupant(presence: Element): Occupant | undefined {
  const item = presence.child("x", ns.MUC_USER)?.child("item");
  const nick = resource(presence.attrs["from"] ?? "");
  if (!item || nick === "") return undefined;
  const hand = presence.childText("jitsi_participant_raisedHand") ?? "";
  return {
    nick,
    jid: item.attrs["jid"] ?? "",
    name: (presence.childText("nick", ns.NICK) ?? "").slice(0, 100),
    moderator: item.attrs["role"] === "moderator",
    hand: Number(hand) > 0 ? Number(hand) : 0,
    sources: readSources(presence, nick),
  };
}

export const isFocus = (occupant: Occupant, focusJid: string): boolean =>
  occupant.nick === "focus" && (focusJid === "" || bare(occupant.jid) === focusJid);

const unmuted = (occupant: Occupant, kind: "a" | "v"): boolean =>
  Object.entries(occupant.sources).some(([name, state]) => name.startsWith(`${occupant.nick}-${kind}`) && !state.muted && !state.desktop);

export const micOn = (occupant: Occupant): boolean => unmuted(occupant, "a");
export const cameraOn = (occupant: Occupant): boolean => unmuted(occupant, "v");

function readSources(presence: Element, nick: string): Record<string, SourceState> {
  const text = presence.childText("SourceInfo");
  return text === undefined ? legacySources(presence, nick) : parseSourceInfo(text);
}

function parseSourceInfo(text: string): Record<string, SourceState> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof raw !== "object" || raw === null) return {};
  const sources: Record<string, SourceState> = {};
  for (const [name, value] of Object.entries(raw as Record<string, { muted?: unknown; videoType?: unknown } | null>)) {
    sources[name] = { muted: value?.muted === true, desktop: value?.videoType === "desktop" };
  }
  return sources;
}

/** COMPAT: telephone gateways and old clients write these two elements instead of SourceInfo. */
function legacySources(presence: Element, nick: string): Record<string, SourceState> {
  const sources: Record<string, SourceState> = {};
  const audio = presence.childText("audiomuted");
  const video = presence.childText("videomuted");
  if (audio !== undefined) sources[`${nick}-a0`] = { muted: audio === "true", desktop: false };
  if (video !== undefined) sources[`${nick}-v0`] = { muted: video === "true", desktop: false };
  return sources;
}
