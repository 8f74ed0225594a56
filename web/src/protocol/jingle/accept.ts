// Our answer to an offer: session-accept, and the transport-info of an ICE restart, out of the local description.

import * as ns from "../ns";
import { attribute, attributes, sections, type LocalSection } from "../sdp/local";
import { xml, type Element } from "../xml";
import { writeSource, type Source } from "./source";

/** The children of the `jingle` element, the group first, as stock focuses know it. */
export function acceptChildren(sdp: string, sources: Source[], lastN: number): Element[] {
  const all = sections(sdp);
  const first = (kind: string) => all.find((section) => section.kind === kind);
  const contents: Element[] = [];
  for (const kind of ["audio", "video"]) {
    const section = first(kind);
    if (!section) continue;
    const description = writeDescription(section, sources.filter((source) => source.kind === kind));
    const initial = kind === "video" && lastN !== -1 ? xml("initial-last-n", { xmlns: ns.COLIBRI2, value: lastN }) : undefined;
    const attrs = { creator: "responder", name: kind, senders: "both" };
    contents.push(xml("content", attrs, initial, description, writeTransport(sdp, section)));
  }
  const data = first("application");
  if (data) contents.push(xml("content", { creator: "responder", name: "data", senders: "both" }, writeTransport(sdp, data, true)));
  const named = contents.map((content) => xml("content", { name: content.attrs["name"] }));
  return [xml("group", { xmlns: ns.GROUPING, semantics: "BUNDLE" }, ...named), ...contents];
}

/** The contents of a transport-info after an ICE restart of that generation. */
export function restartChildren(sdp: string, generation: number): Element[] {
  const kinds: Record<string, string> = { audio: "audio", video: "video", application: "data" };
  const all = sections(sdp);
  return Object.entries(kinds).flatMap(([kind, name]) => {
    const section = all.find((one) => one.kind === kind);
    if (!section) return [];
    const transport = writeTransport(sdp, section);
    transport.attrs["ice-generation"] = String(generation);
    return [xml("content", { creator: "responder", name }, transport)];
  });
}

/** The contents of a source-add or source-remove. */
export function sourceContents(sources: Source[]): Element[] {
  return (["audio", "video"] as const).flatMap((kind) => {
    const mine = sources.filter((source) => source.kind === kind);
    if (mine.length === 0) return [];
    return [xml("content", { name: kind }, xml("description", { xmlns: ns.RTP, media: kind }, ...mine.flatMap(writeSource)))];
  });
}

function writeDescription({ kind, lines }: LocalSection, sources: Source[]): Element {
  const extensions = attributes(lines, "extmap").map((value) => {
    const [id, uri] = value.split(" ");
    return xml("rtp-hdrext", { xmlns: ns.RTP_HDREXT, id: id?.split("/")[0], uri });
  });
  return xml(
    "description",
    { xmlns: ns.RTP, media: kind },
    ...attributes(lines, "rtpmap").map((value) => writePayloadType(value, lines)),
    ...extensions,
    lines.includes("a=extmap-allow-mixed") && xml("extmap-allow-mixed", { xmlns: ns.RTP_HDREXT }),
    xml("rtcp-mux"),
    ...sources.flatMap(writeSource),
  );
}

function writePayloadType(rtpmap: string, lines: string[]): Element {
  const [id = "", codec = ""] = rtpmap.split(" ");
  const [name, clockrate, channels] = codec.split("/");
  const of = (attributeName: string) =>
    attributes(lines, attributeName).filter((value) => value.startsWith(`${id} `)).map((value) => value.slice(id.length + 1));
  const parameters = of("fmtp").flatMap((fmtp) => fmtp.split(";")).filter((one) => one.trim() !== "").map((one) => {
    const [key = "", ...value] = one.trim().split("=");
    return value.length > 0 ? xml("parameter", { name: key, value: value.join("=") }) : xml("parameter", { value: key });
  });
  const feedback = of("rtcp-fb").map((one) => {
    const [type, ...subtype] = one.split(" ");
    return xml("rtcp-fb", { xmlns: ns.RTCP_FB, type, subtype: subtype.join(" ") || undefined });
  });
  return xml("payload-type", { id, name, clockrate, channels }, ...parameters, ...feedback);
}

function writeTransport(sdp: string, { lines }: LocalSection, sctp = false): Element {
  const everything = sdp.split(/\r?\n/);
  const [hash = "", value = ""] = (attribute(lines, "fingerprint") ?? attribute(everything, "fingerprint") ?? "").split(" ");
  const setup = attribute(lines, "setup") ?? attribute(everything, "setup") ?? "active";
  const port = attribute(lines, "sctp-port");
  return xml(
    "transport",
    { xmlns: ns.ICE_UDP, ufrag: attribute(lines, "ice-ufrag"), pwd: attribute(lines, "ice-pwd") },
    xml("rtcp-mux"),
    xml("fingerprint", { xmlns: ns.DTLS, hash, setup }, value),
    ...attributes(lines, "candidate").flatMap(writeCandidate),
    sctp && port !== undefined && xml("sctpmap", { xmlns: ns.SCTP, number: port, protocol: "webrtc-datachannel", streams: 1024 }),
  );
}

/** `[]` for names that only the own network can resolve (mDNS): no bridge can. */
function writeCandidate(value: string, index: number): Element[] {
  const [foundation, component, protocol, priority, ip = "", port, , type, ...rest] = value.split(" ");
  if (ip.endsWith(".local")) return [];
  const after = (name: string) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
  const id = `c${index}`;
  const attrs = { foundation, component, protocol: protocol?.toLowerCase(), priority, ip, port, type, id, network: 0 };
  const extra = { generation: after("generation") ?? "0", "rel-addr": after("raddr"), "rel-port": after("rport"), tcptype: after("tcptype") };
  return [xml("candidate", { ...attrs, ...extra })];
}
