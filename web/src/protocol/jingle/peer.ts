// The media connection to the bridge: one RTCPeerConnection for one Jingle session.
//
// Changes to the remote side are collected and negotiated one round at a time; each round is a whole new "offer" of
// the bridge, written by us, and the browser's answer to it.

import { layerPlan } from "../bridge/layers";
import { sections, withSimulcast } from "../sdp/local";
import { RemoteDescription, type Slot } from "../sdp/remote";
import type { Offer } from "./offer";
import type { Kind, Source } from "./source";

export type PeerMaker = () => RTCPeerConnection;
export type LocalTracks = Record<Slot, MediaStreamTrack | null>;

export interface RemoteTrack {
  /** of the source */
  name: string;
  owner: string;
  kind: Kind;
  desktop: boolean;
  track: MediaStreamTrack;
}

export interface PeerHandler {
  /** what can be heard and seen has changed */
  tracks(tracks: RemoteTrack[]): void;
  /** `new`, `connecting`, `connected`, `disconnected`, `failed`, `closed` */
  state(state: RTCPeerConnectionState): void;
}

type Change = (remote: RemoteDescription) => void;

export class Peer {
  readonly connection: RTCPeerConnection;
  private readonly remote: RemoteDescription;
  private readonly extraSsrcs: number[] = [];
  private readonly heights = new Map<Slot, number>();
  private changes: Change[] = [];
  private round: Promise<void> = Promise.resolve();
  private layers: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(
    readonly offer: Offer,
    private readonly nick: string,
    private readonly tracks: LocalTracks,
    /** whether this browser takes SIM groups out of a rewritten answer */
    private readonly simulcast: boolean,
    private readonly handler: PeerHandler,
    makePeer: PeerMaker,
  ) {
    this.remote = new RemoteDescription(offer);
    this.connection = makePeer();
    this.connection.onconnectionstatechange = () => handler.state(this.connection.connectionState);
    if (tracks.v1) this.remote.open("v1");
  }

  /** Applies the change in the next round and resolves when that is done. Rejects if the browser refuses it. */
  change(change: Change): Promise<void> {
    this.changes.push(change);
    if (this.changes.length === 1) this.round = this.round.catch(() => undefined).then(() => this.negotiate());
    return this.round;
  }

  /** Whether sources of theirs are in the description, or may be in a change that waits for its round. */
  mayHave(owner: string): boolean {
    return this.changes.length > 0 || this.remote.sources.some((source) => source.owner === owner);
  }

  get localSdp(): string {
    return this.connection.localDescription?.sdp ?? "";
  }

  /** What we announce: each slot that has SSRCs, whether or not it carries a track just now. */
  sources(slots: Slot[] = ["a0", "v0", "v1"]): Source[] {
    const described = sections(this.localSdp);
    return this.remote.lines.flatMap((line): Source[] => {
      const section = described.find((one) => one.mid === line.mid);
      if (!line.slot || !slots.includes(line.slot) || !section || section.ssrcs.length === 0) return [];
      const kind = line.slot === "a0" ? "audio" : "video";
      const name = `${this.nick}-${line.slot}`;
      const msid = `${this.nick}-${kind}-${line.slot.slice(1)}-1 ${name}-track`;
      return [{ name, owner: this.nick, kind, desktop: line.slot === "v1", msid, ssrcs: section.ssrcs, groups: section.groups }];
    });
  }

  /** The tracks were changed by their owner: send what they are now. One that fails keeps none from falling silent. */
  async refreshTracks(): Promise<void> {
    const changed = this.senders().filter(([slot, { sender }]) => sender.track !== this.tracks[slot]);
    const results = await Promise.allSettled(changed.map(([slot, { sender }]) => sender.replaceTrack(this.tracks[slot])));
    await this.applyLayers();
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** The most that anybody wants to see of a slot, in lines; -1: no limit. */
  async limit(slot: Slot, height: number): Promise<void> {
    this.heights.set(slot, height);
    await this.applyLayers();
  }

  remoteTracks(): RemoteTrack[] {
    return this.remote.lines.flatMap(({ mid, source, slot }) => {
      const track = source && !slot ? this.transceiver(mid)?.receiver.track : undefined;
      if (!source || !track) return [];
      return [{ name: source.name, owner: source.owner, kind: source.kind, desktop: source.desktop, track }];
    });
  }

  /** Endpoints whose audio was loud within the last half second. */
  loud(): string[] {
    const since = performance.timeOrigin + performance.now() - 500;
    return this.remote.lines.flatMap(({ mid, kind, slot, source }) => {
      if (kind !== "audio" || slot || !source) return [];
      const levels = this.transceiver(mid)?.receiver.getSynchronizationSources() ?? [];
      return levels.some((one) => one.timestamp > since && (one.audioLevel ?? 0) > LOUD) ? [source.owner] : [];
    });
  }

  close(): void {
    this.closed = true;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
    this.handler.tracks([]);
  }

  private async negotiate(): Promise<void> {
    const changes = this.changes;
    this.changes = [];
    if (this.closed) return;
    for (const change of changes) change(this.remote);
    await this.connection.setRemoteDescription({ type: "offer", sdp: this.remote.toSdp() });
    await this.attachTracks();
    const answer = await this.connection.createAnswer();
    await this.connection.setLocalDescription({ type: "answer", sdp: this.munged(answer.sdp ?? "") });
    await this.applyLayers();
    if (!this.closed) this.handler.tracks(this.remoteTracks());
  }

  private async attachTracks(): Promise<void> {
    for (const [slot, transceiver] of this.senders()) {
      transceiver.direction = this.remote.lines.find((line) => line.slot === slot)?.source ? "sendrecv" : "sendonly";
      if (transceiver.sender.track !== this.tracks[slot]) await transceiver.sender.replaceTrack(this.tracks[slot]);
    }
  }

  private munged(sdp: string): string {
    const camera = this.remote.lines.find((line) => line.slot === "v0");
    if (!camera || !this.simulcast) return sdp;
    let next = 0;
    return withSimulcast(sdp, camera.mid, () => (this.extraSsrcs[next++] ??= randomSsrc()));
  }

  /** One after the other: the browser refuses parameters that are older than the last ones. */
  private applyLayers(): Promise<void> {
    this.layers = this.layers.then(() => this.setLayers()).catch(() => undefined);
    return this.layers;
  }

  private async setLayers(): Promise<void> {
    for (const [slot, { sender }] of this.senders()) {
      if (slot === "a0") continue;
      const parameters = sender.getParameters();
      const plan = layerPlan(slot, parameters.encodings.length, this.heights.get(slot) ?? -1, sender.track?.getSettings().height);
      parameters.encodings.forEach((encoding, index) => Object.assign(encoding, plan[index]));
      // A description that is being replaced invalidates the parameters; the round that replaces it comes here again.
      if (parameters.encodings.length > 0) await sender.setParameters(parameters).catch(() => undefined);
    }
  }

  private senders(): [Slot, RTCRtpTransceiver][] {
    return this.remote.lines.flatMap(({ slot, mid }) => {
      const transceiver = slot ? this.transceiver(mid) : undefined;
      return slot && transceiver ? [[slot, transceiver] as [Slot, RTCRtpTransceiver]] : [];
    });
  }

  private transceiver(mid: string): RTCRtpTransceiver | undefined {
    return this.connection.getTransceivers().find((one) => one.mid === mid);
  }
}

/** linear, 0 to 1: about -36 dBov */
const LOUD = 0.015;

function randomSsrc(): number {
  return 1 + Math.floor(Math.random() * 0xfffffffe);
}
