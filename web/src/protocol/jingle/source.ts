// A media source: what one participant sends as one track, with all its SSRCs (XEP-0339 and Jitsi's names).

import * as ns from "../ns";
import { SOURCES_MAX } from "../limits";
import { resource } from "../jid";
import { xml, type Element } from "../xml";

export type Kind = "audio" | "video";
export interface SsrcGroup {
  semantics: "FID" | "SIM";
  ssrcs: number[];
}
export interface Source {
  /** `ENDPOINT-a0`, `ENDPOINT-v1`: unique in the meeting */
  name: string;
  /** endpoint id, which is the nick; `jvb` for the bridge's own */
  owner: string;
  kind: Kind;
  desktop: boolean;
  msid: string;
  ssrcs: number[];
  groups: SsrcGroup[];
}

/** Sources that the bridge needs for its feedback and that carry nothing to show. */
export const isFeedback = (source: Source): boolean => source.msid.includes("mixedmslabel") || source.owner === "jvb";

/** Reads the sources of a `jingle` element, in both forms; what is malformed is left out. */
export function readSources(jingle: Element): Source[] {
  const json = jingle.childText("json-message", ns.JITMEET);
  const found = json === undefined ? [] : readJson(json);
  for (const content of jingle.all("content")) {
    const description = content.child("description", ns.RTP);
    if (description) found.push(...readXml(description));
  }
  return found.slice(0, SOURCES_MAX);
}

/** The XML form, as we announce our own in session-accept, source-add and source-remove. */
export function writeSource(source: Source): Element[] {
  const ssrcs = source.ssrcs.map((ssrc) => {
    const msid = xml("parameter", { name: "msid", value: source.msid });
    const videoType = source.kind === "video" ? (source.desktop ? "desktop" : "camera") : undefined;
    return xml("source", { xmlns: ns.SSMA, ssrc, name: source.name, videoType }, msid);
  });
  const groups = source.groups.map((group) =>
    xml("ssrc-group", { xmlns: ns.SSMA, semantics: group.semantics }, ...group.ssrcs.map((ssrc) => xml("source", { ssrc }))),
  );
  return [...ssrcs, ...groups];
}

type Stream = { ssrc: number; name: string; msid: string; owner: string; desktop: boolean };

/** `{"sources":{OWNER:[[video],[video groups],[audio],[audio groups]]}}`, trailing empty lists left out. */
function readJson(text: string): Source[] {
  let owners: unknown;
  try {
    owners = (JSON.parse(text) as { sources?: unknown } | null)?.sources;
  } catch {
    return [];
  }
  if (typeof owners !== "object" || owners === null) return [];
  return Object.entries(owners).flatMap(([owner, lists]) => {
    const list = (index: number): unknown[] => (Array.isArray(lists) && Array.isArray(lists[index]) ? lists[index] : []);
    return [
      ...assemble("video", list(0).flatMap((raw) => jsonStream(raw, owner)), list(1).flatMap(jsonGroup)),
      ...assemble("audio", list(2).flatMap((raw) => jsonStream(raw, owner)), list(3).flatMap(jsonGroup)),
    ];
  });
}

function jsonStream(raw: unknown, owner: string): Stream[] {
  const { s, n, m, v } = (raw ?? {}) as { s?: unknown; n?: unknown; m?: unknown; v?: unknown };
  if (!isSsrc(s)) return [];
  return [{ ssrc: s, name: typeof n === "string" ? n : "", msid: typeof m === "string" ? m : "", owner, desktop: Boolean(v) }];
}

function jsonGroup(raw: unknown): SsrcGroup[] {
  if (!Array.isArray(raw)) return [];
  const [letter, ...ssrcs] = raw as unknown[];
  const semantics = letter === "f" ? "FID" : letter === "s" ? "SIM" : undefined;
  return semantics && ssrcs.every(isSsrc) ? [{ semantics, ssrcs }] : [];
}

function readXml(description: Element): Source[] {
  const kind = description.attrs["media"];
  if (kind !== "audio" && kind !== "video") return [];
  const streams = description.all("source", ns.SSMA).flatMap((source): Stream[] => {
    const ssrc = Number(source.attrs["ssrc"]);
    if (!isSsrc(ssrc)) return [];
    const owner = source.child("ssrc-info", ns.JITMEET)?.attrs["owner"] ?? "";
    const msid = source.all("parameter").find((one) => one.attrs["name"] === "msid")?.attrs["value"] ?? "";
    const desktop = source.attrs["videoType"] === "desktop";
    return [{ ssrc, name: source.attrs["name"] ?? "", msid, owner: resource(owner) || owner, desktop }];
  });
  const groups = description.all("ssrc-group", ns.SSMA).flatMap((group): SsrcGroup[] => {
    const semantics = group.attrs["semantics"];
    const ssrcs = group.all("source").map((source) => Number(source.attrs["ssrc"]));
    return (semantics === "FID" || semantics === "SIM") && ssrcs.every(isSsrc) ? [{ semantics, ssrcs }] : [];
  });
  return assemble(kind, streams, groups);
}

/** One source for each name: its SSRCs in the order given, and the groups that they are in. */
function assemble(kind: Kind, streams: Stream[], groups: SsrcGroup[]): Source[] {
  const sources = new Map<string, Source>();
  for (const { ssrc, name: given, msid, owner, desktop } of streams) {
    const name = given || `${owner}-${kind === "audio" ? "a0" : "v0"}`;
    const source = sources.get(name) ?? { name, owner: owner || (name.split("-")[0] ?? ""), kind, desktop, msid, ssrcs: [], groups: [] };
    if (!source.ssrcs.includes(ssrc)) source.ssrcs.push(ssrc);
    sources.set(name, source);
  }
  for (const source of sources.values()) {
    source.groups = groups.filter((group) => group.ssrcs.every((ssrc) => source.ssrcs.includes(ssrc)));
  }
  return [...sources.values()];
}

const isSsrc = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 0xffffffff;
