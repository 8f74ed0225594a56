// What the focus offers in a session-initiate: codecs, extensions, transport (XEP-0167, 0176, 0320, 0343).

import * as ns from "../ns";
import type { Element } from "../xml";
import { readSources, type Kind, type Source } from "./source";

export interface PayloadType {
  id: number;
  name: string;
  clockrate: number;
  channels: number;
  /** the text after `a=fmtp:ID `; empty: none */
  fmtp: string;
  /** `nack pli` and the like */
  feedback: string[];
}
export interface RtpDescription {
  kind: Kind;
  payloadTypes: PayloadType[];
  extensions: { id: number; uri: string }[];
  extmapAllowMixed: boolean;
}
export interface Transport {
  ufrag: string;
  pwd: string;
  fingerprints: { hash: string; setup: string; value: string }[];
  /** as `a=candidate:` lines have them */
  candidates: string[];
}
export interface Offer {
  sid: string;
  audio: RtpDescription | undefined;
  video: RtpDescription | undefined;
  sctpPort: number | undefined;
  transport: Transport;
  /** of the bridge channel, where a WebSocket is offered */
  webSocket: string | undefined;
  bridgeSession: string;
  sources: Source[];
  startMuted: { audio: boolean; video: boolean };
}

/** Throws when there is no transport to connect to. */
export function readOffer(jingle: Element): Offer {
  const contents = jingle.all("content");
  const transports = contents.flatMap((content) => content.child("transport", ns.ICE_UDP) ?? []);
  const transport = transports.map(readTransport).find((one) => one.ufrag && one.pwd && one.fingerprints.length > 0);
  if (!transport) throw new Error("the offer has no transport");
  const description = (kind: Kind) =>
    contents.flatMap((content) => content.child("description", ns.RTP) ?? []).find((one) => one.attrs["media"] === kind);
  const sctp = transports.flatMap((one) => one.child("sctpmap", ns.SCTP) ?? [])[0];
  const muted = jingle.child("startmuted", ns.START_MUTED);
  return {
    sid: jingle.attrs["sid"] ?? "",
    audio: readDescription(description("audio"), "audio"),
    video: readDescription(description("video"), "video"),
    sctpPort: sctp ? Number(sctp.attrs["number"]) || 5000 : undefined,
    transport,
    webSocket: transports.flatMap((one) => one.child("web-socket", ns.COLIBRI)?.attrs["url"] ?? [])[0],
    bridgeSession: jingle.child("bridge-session", ns.FOCUS)?.attrs["id"] ?? "",
    sources: readSources(jingle),
    startMuted: { audio: muted?.attrs["audio"] === "true", video: muted?.attrs["video"] === "true" },
  };
}

export function readTransport(transport: Element): Transport {
  return {
    ufrag: line(transport.attrs["ufrag"]),
    pwd: line(transport.attrs["pwd"]),
    fingerprints: transport.all("fingerprint", ns.DTLS).map((one) => ({
      hash: line(one.attrs["hash"]),
      setup: line(one.attrs["setup"]) || "actpass",
      value: line(one.text().trim()),
    })),
    candidates: transport.all("candidate").map(readCandidate),
  };
}

function readDescription(description: Element | undefined, kind: Kind): RtpDescription | undefined {
  if (!description) return undefined;
  return {
    kind,
    payloadTypes: description.all("payload-type").map(readPayloadType),
    extensions: description
      .all("rtp-hdrext", ns.RTP_HDREXT)
      .map((one) => ({ id: Number(one.attrs["id"]), uri: line(one.attrs["uri"]) })),
    extmapAllowMixed: description.child("extmap-allow-mixed", ns.RTP_HDREXT) !== undefined,
  };
}

function readPayloadType(payload: Element): PayloadType {
  const parameters = payload.all("parameter").map(({ attrs }) => {
    const value = line(attrs["value"]);
    return attrs["name"] ? `${line(attrs["name"])}=${value}` : value;
  });
  const feedback = payload.all("rtcp-fb", ns.RTCP_FB).map(({ attrs }) => {
    const subtype = line(attrs["subtype"]);
    return `${line(attrs["type"])}${subtype ? ` ${subtype}` : ""}`;
  });
  return {
    id: Number(payload.attrs["id"]),
    name: line(payload.attrs["name"]),
    clockrate: Number(payload.attrs["clockrate"]),
    channels: Number(payload.attrs["channels"] ?? "1"),
    fmtp: parameters.join(";"),
    feedback,
  };
}

function readCandidate({ attrs }: Element): string {
  const of = (name: string, otherwise = "") => line(attrs[name]) || otherwise;
  let text = `${of("foundation", "1")} ${of("component", "1")} ${of("protocol", "udp")} ${of("priority", "1")}`;
  text += ` ${of("ip")} ${of("port")} typ ${of("type", "host")}`;
  if (of("rel-addr")) text += ` raddr ${of("rel-addr")} rport ${of("rel-port", "9")}`;
  if (of("tcptype")) text += ` tcptype ${of("tcptype")}`;
  return `${text} generation ${of("generation", "0")}`;
}

/** What goes into a line of SDP must not end it. */
const line = (value: string | undefined): string => (value ?? "").replace(/[\r\n]/g, "");
