// What a moderator may ask of the room and its focus. Each rejects with an `IqError` when it is refused.

import { bare } from "../jid";
import * as ns from "../ns";
import type { Connection } from "../xmpp/connection";
import { xml, type Element } from "../xml";

export type MuteKind = "audio" | "video" | "desktop";
const MUTE: Record<MuteKind, string> = { audio: ns.MUTE_AUDIO, video: ns.MUTE_VIDEO, desktop: ns.MUTE_DESKTOP };

export async function kick(connection: Connection, room: string, nick: string): Promise<void> {
  const item = xml("item", { nick, role: "none" }, xml("reason", {}, "You have been removed from the meeting."));
  await connection.request("set", room, xml("query", { xmlns: ns.MUC_ADMIN }, item));
}

export async function grant(connection: Connection, room: string, realJid: string): Promise<void> {
  const item = xml("item", { affiliation: "owner", jid: bare(realJid) });
  await connection.request("set", room, xml("query", { xmlns: ns.MUC_ADMIN }, item));
}

/** The focus passes it on, or refuses; stock ones may also never answer, which is no failure. */
export async function mute(connection: Connection, room: string, nick: string, kind: MuteKind): Promise<void> {
  const payload = xml("mute", { xmlns: MUTE[kind], jid: `${room}/${nick}` }, "true");
  await connection.request("set", `${room}/focus`, payload);
}

/** Reads a mute request from the focus. `undefined`: it is something else, or an unmute, which nobody may force. */
export function readMute(iq: Element): { kind: MuteKind; actor: string } | undefined {
  const payload = iq.child("mute");
  const kind = (Object.keys(MUTE) as MuteKind[]).find((one) => MUTE[one] === payload?.ns);
  if (!payload || !kind || payload.text().trim() !== "true") return undefined;
  return { kind, actor: payload.attrs["actor"] ?? "" };
}

/** An empty password removes the lock. The room's other settings are sent back as they are. */
export async function lock(connection: Connection, room: string, password: string): Promise<void> {
  const answer = await connection.request("get", room, xml("query", { xmlns: ns.MUC_OWNER }));
  const form = answer.child("query", ns.MUC_OWNER)?.child("x", ns.DATA_FORM);
  const membersOnly = form?.all("field").find((field) => field.attrs["var"] === "muc#roomconfig_membersonly")?.childText("value");
  const fields: Record<string, string> = {
    FORM_TYPE: "http://jabber.org/protocol/muc#roomconfig",
    "muc#roomconfig_roomsecret": password,
    "muc#roomconfig_passwordprotectedroom": password === "" ? "0" : "1",
    "muc#roomconfig_whois": "anyone",
  };
  if (membersOnly === "1" || membersOnly === "true") fields["muc#roomconfig_membersonly"] = "true";
  const written = Object.entries(fields).map(([name, value]) => xml("field", { var: name }, xml("value", {}, value)));
  const submit = xml("x", { xmlns: ns.DATA_FORM, type: "submit" }, ...written);
  await connection.request("set", room, xml("query", { xmlns: ns.MUC_OWNER }, submit));
}
