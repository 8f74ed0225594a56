// Jingle with the focus: offers, source changes and terminations in, our answers out (XEP-0166).
//
// There is at most one session. Peers that offer a direct connection are declined: everything goes over the bridge.

import { bare, resource } from "../jid";
import { RESTART_PAUSES, RESTARTS_FORGOTTEN_AFTER } from "../limits";
import * as ns from "../ns";
import type { Slot } from "../sdp/remote";
import { xml, type Element } from "../xml";
import type { Connection } from "../xmpp/connection";
import { IqError } from "../xmpp/iq";
import { acceptChildren, restartChildren, sourceContents } from "./accept";
import { readOffer, readTransport, type Offer } from "./offer";
import { Peer, type LocalTracks, type PeerMaker, type RemoteTrack } from "./peer";
import { readSources } from "./source";

export interface SessionHandler {
  /** a new media connection, before its first negotiation: the bridge channel goes on it */
  started(peer: Peer, offer: Offer): void;
  ended(): void;
  tracks(tracks: RemoteTrack[]): void;
  /** whether media flows */
  up(up: boolean): void;
  /** the focus refused what we wanted to send */
  rejected(slot: Slot, reason: string): void;
  /** the focus gives us no other session: it has had enough of our wishes, or does not know this one any more */
  lost(): void;
}

/** Answers to the wish for a new session after which none will come. */
const FINAL = ["resource-constraint", "item-not-found"];

export interface SessionOptions {
  connection: Connection;
  room: string;
  nick: string;
  /** read whenever something is negotiated: the owner keeps it current */
  tracks: LocalTracks;
  lastN: number;
  simulcast: boolean;
  makePeer: PeerMaker;
}

export class Session {
  peer: Peer | undefined;
  private sid = "";
  private accepted: Promise<void> = Promise.resolve();
  private generation = 0;
  /** wishes for a new session in a row, and when the last one was sent */
  private restarts = 0;
  private restartedAt = -Infinity;
  private restartTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly options: SessionOptions,
    private readonly handler: SessionHandler,
  ) {}

  /** `false`: not a Jingle request. */
  handle(iq: Element): boolean {
    const jingle = iq.child("jingle", ns.JINGLE);
    if (!jingle || iq.attrs["type"] !== "set") return false;
    const from = iq.attrs["from"] ?? "";
    if (bare(from) !== this.options.room) {
      this.options.connection.refuse(iq, "cancel", "service-unavailable");
    } else if (resource(from) !== "focus") {
      this.decline(iq, jingle, from);
    } else if (jingle.attrs["action"] === "session-initiate") {
      this.initiate(iq, jingle);
    } else if (!this.peer || jingle.attrs["sid"] !== this.sid) {
      this.options.connection.refuse(iq, "cancel", "item-not-found", xml("unknown-session", { xmlns: ns.JINGLE_ERRORS }));
    } else {
      this.action(iq, jingle, this.peer);
    }
    return true;
  }

  /** The tracks were changed by their owner. */
  async refreshTracks(): Promise<void> {
    await this.peer?.refreshTracks();
  }

  /**
   * Starts to send the screen, a source of its own. It stays announced when the screen is no longer shared, muted like
   * any other: sharing again then costs nobody a negotiation.
   */
  async addScreen(): Promise<void> {
    const peer = this.peer;
    if (!peer || peer.sources(["v1"]).length > 0) return; // announced already, or it will be with the next session
    await peer.change((remote) => remote.open("v1"));
    await this.accepted.catch(() => undefined);
    if (peer !== this.peer) return;
    const contents = sourceContents(peer.sources(["v1"]));
    await this.send("source-add", ...contents).catch((error: Error) => this.handler.rejected("v1", error.message));
  }

  /** Somebody left: stock focuses send no source-remove for that. */
  occupantLeft(nick: string): void {
    if (this.peer?.mayHave(nick)) this.change(this.peer, (remote) => remote.removeOwner(nick));
  }

  /** Says goodbye to the focus, when leaving. */
  terminate(): void {
    if (this.peer) this.send("session-terminate", xml("reason", {}, xml("success"))).catch(() => undefined);
    this.stop();
  }

  stop(): void {
    clearTimeout(this.restartTimer);
    this.restartTimer = undefined;
    if (!this.peer) return;
    this.peer.close();
    this.peer = undefined;
    this.sid = "";
    this.handler.up(false);
    this.handler.ended();
  }

  private get focus(): string {
    return `${this.options.room}/focus`;
  }

  private initiate(iq: Element, jingle: Element): void {
    if (this.peer && jingle.attrs["sid"] === this.sid) {
      return this.options.connection.refuse(iq, "cancel", "service-unavailable");
    }
    let offer: Offer;
    try {
      offer = readOffer(jingle);
    } catch {
      return this.options.connection.refuse(iq, "modify", "bad-request");
    }
    this.options.connection.answer(iq);
    this.stop();
    this.sid = offer.sid;
    this.generation = 0;
    const { nick, tracks, simulcast, makePeer } = this.options;
    const peer: Peer = new Peer(offer, nick, tracks, simulcast, {
      tracks: (remote) => this.handler.tracks(remote),
      state: (state) => this.state(peer, state),
    }, makePeer);
    this.peer = peer;
    this.handler.started(peer, offer);
    this.accepted = this.accept(peer);
    this.accepted.catch(() => peer === this.peer && this.restart());
  }

  private async accept(peer: Peer): Promise<void> {
    await peer.change(() => undefined);
    if (peer !== this.peer) return;
    await this.send("session-accept", ...acceptChildren(peer.localSdp, peer.sources(), this.options.lastN));
  }

  private action(iq: Element, jingle: Element, peer: Peer): void {
    switch (jingle.attrs["action"]) {
      case "source-add": {
        const sources = readSources(jingle).filter((source) => source.owner !== this.options.nick);
        if (sources.length > 0) this.change(peer, (remote) => remote.add(sources));
        break;
      }
      case "source-remove": {
        const ssrcs = readSources(jingle).flatMap((source) => source.ssrcs);
        if (ssrcs.length > 0) this.change(peer, (remote) => remote.remove(ssrcs));
        break;
      }
      case "transport-info":
        void this.iceRestart(jingle, peer);
        break;
      case "session-terminate":
        this.options.connection.answer(iq);
        return this.stop();
      case "transport-replace": // COMPAT: old focuses send it; a new session follows
        break;
      default:
        return this.options.connection.refuse(iq, "modify", "bad-request");
    }
    this.options.connection.answer(iq);
  }

  private change(peer: Peer, what: Parameters<Peer["change"]>[0]): void {
    peer.change(what).catch(() => peer === this.peer && this.restart());
  }

  private async iceRestart(jingle: Element, peer: Peer): Promise<void> {
    const element = jingle.all("content").flatMap((content) => content.child("transport", ns.ICE_UDP) ?? [])[0];
    const generation = Number(element?.attrs["ice-generation"]);
    if (!element || !Number.isInteger(generation) || generation <= this.generation) return;
    const transport = readTransport(element);
    if (!transport.ufrag || !transport.pwd) return;
    this.generation = generation;
    await peer.change((remote) => remote.restart(transport));
    if (peer === this.peer) await this.send("transport-info", ...restartChildren(peer.localSdp, generation)).catch(() => undefined);
  }

  private state(peer: Peer, state: RTCPeerConnectionState): void {
    if (peer !== this.peer) return;
    this.handler.up(state === "connected");
    if (state === "failed") this.restart();
  }

  /** Asks the focus for a new session: this one does not work. The new offer follows the answer. */
  private restart(): void {
    if (this.restartTimer !== undefined) return;
    if (Date.now() - this.restartedAt >= RESTARTS_FORGOTTEN_AFTER) this.restarts = 0;
    const pause = RESTART_PAUSES[Math.min(this.restarts, RESTART_PAUSES.length - 1)];
    this.restarts += 1;
    this.restartTimer = setTimeout(() => {
      this.restartTimer = undefined;
      this.restartedAt = Date.now();
      const bridgeSession = xml("bridge-session", { xmlns: ns.FOCUS, id: this.peer?.offer.bridgeSession, restart: true });
      const reason = xml("reason", {}, xml("connectivity-error"), xml("text", {}, "ICE FAILED"));
      const sid = this.sid;
      this.send("session-terminate", reason, bridgeSession).then(
        () => sid === this.sid && this.stop(),
        (error: unknown) => sid === this.sid && this.restartRefused(error),
      );
    }, pause);
  }

  private restartRefused(error: unknown): void {
    if (!(error instanceof IqError) || !FINAL.includes(error.condition)) return this.restart();
    this.stop();
    this.handler.lost();
  }

  private send(action: string, ...children: Element[]): Promise<Element> {
    const { connection } = this.options;
    const responder = action === "session-accept" ? connection.jid : undefined;
    const attrs = { xmlns: ns.JINGLE, action, initiator: this.focus, responder, sid: this.sid };
    return connection.request("set", this.focus, xml("jingle", attrs, ...children));
  }

  private decline(iq: Element, jingle: Element, from: string): void {
    const { connection } = this.options;
    if (jingle.attrs["action"] !== "session-initiate") {
      return connection.refuse(iq, "cancel", "item-not-found", xml("unknown-session", { xmlns: ns.JINGLE_ERRORS }));
    }
    connection.answer(iq);
    const attrs = { xmlns: ns.JINGLE, action: "session-terminate", initiator: from, sid: jingle.attrs["sid"] };
    connection.request("set", from, xml("jingle", attrs, xml("reason", {}, xml("decline")))).catch(() => undefined);
  }
}
