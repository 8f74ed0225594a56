// The remote side of a bridge session as a description that grows: one m-line for each remote source.
//
// The bridge always "offers" and we answer. Lines are never removed (RFC 8829, section 5.2.2, forbids it): those that
// lost their source are inactive and given to the next one of their kind.

import type { Offer, RtpDescription, Transport } from "../jingle/offer";
import { isFeedback, type Kind, type Source } from "../jingle/source";

/** What we send on a line: microphone, camera, screen. */
export type Slot = "a0" | "v0" | "v1";

export interface Line {
  mid: string;
  kind: Kind | "data";
  slot: Slot | undefined;
  source: Source | undefined;
}

export class RemoteDescription {
  readonly lines: Line[] = [];
  private version = 1;

  constructor(
    private readonly offer: Offer,
    private transport: Transport = offer.transport,
  ) {
    const feedback = (kind: Kind) => offer.sources.find((source) => source.kind === kind && isFeedback(source));
    if (offer.audio) this.append("audio", "a0", feedback("audio"));
    if (offer.video) this.append("video", "v0", feedback("video"));
    if (offer.sctpPort !== undefined) this.append("data", undefined, undefined);
    this.add(offer.sources.filter((source) => !isFeedback(source)));
  }

  /** Names that are there already are replaced, so that a repeated source-add does no harm. */
  add(sources: Source[]): void {
    for (const source of sources) {
      if (isFeedback(source) || !this.description(source.kind)) continue;
      const line = this.lines.find((one) => one.source?.name === source.name) ?? this.free(source.kind);
      if (line) line.source = source;
      else this.append(source.kind, undefined, source);
    }
  }

  /** By SSRC, since a removal need not carry names. */
  remove(ssrcs: number[]): void {
    this.drop((source) => source.ssrcs.some((ssrc) => ssrcs.includes(ssrc)));
  }

  removeOwner(owner: string): void {
    this.drop((source) => source.owner === owner);
  }

  get sources(): Source[] {
    return this.lines.flatMap((line) => (line.source && !isFeedback(line.source) ? [line.source] : []));
  }

  /** Makes room for something more that we send. */
  open(slot: Slot): void {
    if (!this.lines.some((line) => line.slot === slot)) this.append(slot === "a0" ? "audio" : "video", slot, undefined);
  }

  /** An ICE restart of the bridge; what it does not repeat stays. */
  restart(transport: Transport): void {
    const fingerprints = transport.fingerprints.length > 0 ? transport.fingerprints : this.transport.fingerprints;
    const candidates = transport.candidates.length > 0 ? transport.candidates : this.transport.candidates;
    this.transport = { ...transport, fingerprints, candidates };
  }

  /** The whole as an SDP offer; each call is a new version. */
  toSdp(): string {
    const mids = this.lines.map((line) => line.mid).join(" ");
    const head = [
      "v=0",
      `o=- 1 ${this.version++} IN IP4 0.0.0.0`,
      "s=-",
      "t=0 0",
      ...(this.offer.audio?.extmapAllowMixed || this.offer.video?.extmapAllowMixed ? ["a=extmap-allow-mixed"] : []),
      "a=msid-semantic: WMS *",
      `a=group:BUNDLE ${mids}`,
    ];
    return [...head, ...this.lines.flatMap((line) => this.section(line))].join("\r\n") + "\r\n";
  }

  private append(kind: Line["kind"], slot: Slot | undefined, source: Source | undefined): void {
    this.lines.push({ mid: String(this.lines.length), kind, slot, source });
  }

  private free(kind: Kind): Line | undefined {
    return this.lines.find((line) => line.kind === kind && !line.slot && !line.source);
  }

  private drop(which: (source: Source) => boolean): void {
    for (const line of this.lines) {
      if (line.source && !line.slot && which(line.source)) line.source = undefined;
    }
  }

  private description(kind: Kind): RtpDescription | undefined {
    return kind === "audio" ? this.offer.audio : this.offer.video;
  }

  private section(line: Line): string[] {
    if (line.kind === "data") {
      return ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", ...this.transportLines(line.mid), `a=sctp-port:${this.offer.sctpPort}`, "a=max-message-size:262144"];
    }
    const description = this.description(line.kind);
    if (!description) return [];
    const payloadTypes = line.kind === "video" ? vp8First(description.payloadTypes) : description.payloadTypes;
    return [
      `m=${line.kind} 9 UDP/TLS/RTP/SAVPF ${payloadTypes.map((one) => one.id).join(" ")}`,
      ...this.transportLines(line.mid),
      `a=${direction(line)}`,
      "a=rtcp-mux",
      "a=rtcp:9 IN IP4 0.0.0.0",
      ...description.extensions.map((one) => `a=extmap:${one.id} ${one.uri}`),
      ...payloadTypes.flatMap(codecLines),
      ...(line.source ? sourceLines(line.source) : []),
    ];
  }

  private transportLines(mid: string): string[] {
    const { ufrag, pwd, fingerprints, candidates } = this.transport;
    return [
      "c=IN IP4 0.0.0.0",
      `a=ice-ufrag:${ufrag}`,
      `a=ice-pwd:${pwd}`,
      ...fingerprints.map((one) => `a=fingerprint:${one.hash} ${one.value}`),
      `a=setup:${fingerprints[0]?.setup ?? "actpass"}`,
      ...candidates.map((one) => `a=candidate:${one}`),
      `a=mid:${mid}`,
    ];
  }
}

function direction(line: Line): string {
  if (line.slot) return line.source ? "sendrecv" : "recvonly";
  return line.source ? "sendonly" : "inactive";
}

function codecLines(payload: RtpDescription["payloadTypes"][number]): string[] {
  const channels = payload.channels > 1 ? `/${payload.channels}` : "";
  return [
    `a=rtpmap:${payload.id} ${payload.name}/${payload.clockrate}${channels}`,
    ...(payload.fmtp ? [`a=fmtp:${payload.id} ${payload.fmtp}`] : []),
    ...payload.feedback.map((feedback) => `a=rtcp-fb:${payload.id} ${feedback}`),
  ];
}

function sourceLines(source: Source): string[] {
  const token = (text: string) => text.replace(/[^\w.-]/g, "_");
  const msid = `${token(source.owner || "bridge")}-${token(source.name)} ${token(source.name)}`;
  return [
    `a=msid:${msid}`,
    ...source.groups.map((group) => `a=ssrc-group:${group.semantics} ${group.ssrcs.join(" ")}`),
    ...source.ssrcs.flatMap((ssrc) => [`a=ssrc:${ssrc} cname:${token(source.owner || "bridge")}`, `a=ssrc:${ssrc} msid:${msid}`]),
  ];
}

/** We send VP8 in three layers; the first codec of an offer is the one that is sent. */
function vp8First(payloadTypes: RtpDescription["payloadTypes"]): RtpDescription["payloadTypes"] {
  const vp8 = payloadTypes.find((one) => one.name.toUpperCase() === "VP8");
  const first = payloadTypes.filter((one) => one === vp8 || (vp8 && one.fmtp === `apt=${vp8.id}`));
  return [...first, ...payloadTypes.filter((one) => !first.includes(one))];
}
