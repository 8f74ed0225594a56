// The media half of a meeting: the Jingle session, the bridge channel on it, and what both tell about the others.

import { overDataChannel, overWebSocket } from "../bridge/pipes";
import { BridgeChannel, type FromBridge, type VideoConstraints } from "../bridge/channel";
import { QualityMeter } from "../bridge/quality";
import type { Offer } from "../jingle/offer";
import type { LocalTracks, Peer, PeerMaker } from "../jingle/peer";
import { Session } from "../jingle/session";
import { STATS_INTERVAL } from "../limits";
import type { Slot } from "../sdp/remote";
import type { Connection } from "../xmpp/connection";
import type { SocketMaker } from "../xmpp/stream";
import type { Store } from "./state";

const LOUDNESS_INTERVAL = 250;

export interface MediaOptions {
  connection: Connection;
  room: string;
  nick: string;
  tracks: LocalTracks;
  lastN: number;
  preferSctp: boolean;
  simulcast: boolean;
  makePeer: PeerMaker;
  makeSocket: SocketMaker;
}

export interface MediaHandler {
  /** the focus wants us to begin muted */
  startMuted(kinds: { audio: boolean; video: boolean }): void;
  rejected(slot: Slot, reason: string): void;
  /** there will be no media until the room is joined anew */
  lost(): void;
}

export class Media {
  readonly session: Session;
  private readonly channel: BridgeChannel;
  private closeChannel: (() => void) | undefined;
  private meter = new QualityMeter();
  private timers: ReturnType<typeof setInterval>[] = [];
  private sharedBefore = false;

  constructor(
    private readonly options: MediaOptions,
    private readonly store: Store,
    private readonly handler: MediaHandler,
  ) {
    this.channel = new BridgeChannel({ message: (message) => this.message(message) });
    this.session = new Session(options, {
      started: (peer, offer) => this.started(peer, offer),
      ended: () => this.ended(),
      tracks: (tracks) => store.patch({ tracks }),
      up: (mediaUp) => store.patch({ mediaUp }),
      rejected: (slot, reason) => handler.rejected(slot, reason),
      lost: () => handler.lost(),
    });
    this.announceTypes();
  }

  want(heights: Record<string, number>, onStage: string[]): void {
    const constraints: VideoConstraints = { heights, onStage, lastN: this.options.lastN };
    this.channel.want(constraints);
  }

  /** The tracks were changed by their owner. Whoever muted must be silent before anything else is tried. */
  async refreshTracks(): Promise<void> {
    const refreshed = this.session.refreshTracks();
    this.announceTypes();
    await refreshed;
  }

  occupantLeft(nick: string): void {
    this.session.occupantLeft(nick);
    const { quality, silent, dominant } = this.store.state;
    const { [nick]: _, ...rest } = quality;
    this.store.patch({
      quality: rest,
      silent: silent.filter((one) => one !== nick),
      dominant: dominant === nick ? "" : dominant,
    });
  }

  /** Ends it; says so to the focus if there still is a session to say it in. */
  close(goodbye: boolean): void {
    if (goodbye) this.session.terminate();
    else this.session.stop();
  }

  private started(peer: Peer, offer: Offer): void {
    const { preferSctp, makeSocket } = this.options;
    const sctp = offer.sctpPort !== undefined && (preferSctp || !offer.webSocket);
    if (sctp) this.closeChannel = overDataChannel(peer.connection, this.channel);
    else if (offer.webSocket) this.closeChannel = overWebSocket(offer.webSocket, this.channel, (url) => makeSocket(url, ""));
    this.meter = new QualityMeter();
    this.timers = [
      setInterval(() => void this.measure(peer), STATS_INTERVAL),
      setInterval(() => this.listen(peer), LOUDNESS_INTERVAL),
    ];
    if (offer.startMuted.audio || offer.startMuted.video) this.handler.startMuted(offer.startMuted);
  }

  private ended(): void {
    this.closeChannel?.();
    this.closeChannel = undefined;
    for (const timer of this.timers) clearInterval(timer);
    this.store.patch({ speaking: [], dominant: "", silent: [] });
  }

  private announceTypes(): void {
    const { nick, tracks } = this.options;
    this.channel.videoType(`${nick}-v0`, tracks.v0 ? "camera" : "none");
    if (tracks.v1 || this.sharedBefore) {
      this.sharedBefore = true;
      this.channel.videoType(`${nick}-v1`, tracks.v1 ? "desktop" : "none");
    }
  }

  private message(message: FromBridge): void {
    const { nick } = this.options;
    switch (message.colibriClass) {
      case "SenderSourceConstraints": {
        const slot = message.sourceName.startsWith(`${nick}-`) ? message.sourceName.slice(nick.length + 1) : "";
        if (slot === "v0" || slot === "v1") void this.session.peer?.limit(slot, message.maxHeight);
        break;
      }
      case "DominantSpeakerEndpointChangeEvent":
        this.store.patch({ dominant: message.silence === true ? "" : message.dominantSpeakerEndpoint });
        break;
      case "EndpointConnectivityStatusChangeEvent": {
        const rest = this.store.state.silent.filter((one) => one !== message.endpoint);
        const active = String(message.active) === "true";
        this.store.patch({ silent: active ? rest : [...rest, message.endpoint] });
        break;
      }
      case "EndpointStats":
        if (typeof message.connectionQuality === "number") this.quality(message.from, message.connectionQuality);
        break;
      case "ForwardedSources":
        break; // a source that is not forwarded freezes; its tile shows what it has
    }
  }

  private async measure(peer: Peer): Promise<void> {
    const report = await peer.connection.getStats();
    const stats: Record<string, unknown>[] = [];
    report.forEach((stat: Record<string, unknown>) => stats.push(stat));
    const quality = this.meter.measure(stats, Date.now());
    if (!quality || peer !== this.session.peer) return;
    this.quality(this.options.nick, quality.connectionQuality);
    this.channel.stats({ ...quality });
  }

  private quality(nick: string, value: number): void {
    this.store.patch({ quality: { ...this.store.state.quality, [nick]: value } });
  }

  private listen(peer: Peer): void {
    const speaking = peer.loud().sort();
    const before = this.store.state.speaking;
    if (speaking.join() !== before.join()) this.store.patch({ speaking });
  }
}
