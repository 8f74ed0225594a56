// The signalling connection: one session that survives the loss of its sockets (XEP-0198).
//
// Events: `online` for a fresh session (join everything again), `resumed` for the old one on a new socket (nothing
// was lost), `lost` while there is no socket, `closed` when nothing more is tried.

import { Emitter } from "../emitter";
import { ACK_REQUEST_EVERY, PING_INTERVAL, PING_TIMEOUT, IQ_TIMEOUT } from "../limits";
import * as ns from "../ns";
import { xml, type Element } from "../xml";
import { Acks } from "./acks";
import { PendingIqs } from "./iq";
import { Retry } from "./retry";
import { Stream, type SocketMaker } from "./stream";

export interface ConnectionEvents {
  online: { jid: string };
  resumed: void;
  lost: void;
  closed: { reason: string };
  stanza: Element;
}

export interface ConnectionOptions {
  /** with `room` (and `token`) already in the query */
  url: string;
  domain: string;
  parser: DOMParser;
  makeSocket: SocketMaker;
}

export class Connection extends Emitter<ConnectionEvents> {
  /** our full address; empty before the first `online` */
  jid = "";
  private stream: Stream | undefined;
  private retry: Retry | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setTimeout> | undefined;
  private resumeId: string | undefined;
  private acks: Acks | undefined;
  private unrequested = 0;
  private readonly iqs = new PendingIqs();
  private lastId = 0;
  private heardAt = 0;
  private up = false;
  private ended = false;

  constructor(private readonly options: ConnectionOptions) {
    super();
  }

  connect(): void {
    this.retry = new Retry(Date.now());
    this.attempt(false);
  }

  get online(): boolean {
    return this.up;
  }

  nextId(): string {
    this.lastId += 1;
    return `a${this.lastId}`;
  }

  /** While the socket is down a stanza waits for the resumption; without a session to resume it is dropped. */
  send(stanza: Element): void {
    this.acks?.sent(stanza);
    if (this.acks?.overflown) return this.forgetSession("too much unacknowledged");
    if (!this.up) return;
    this.stream?.send(stanza);
    if (!this.acks) return;
    this.unrequested += 1;
    if (this.unrequested >= ACK_REQUEST_EVERY) this.requestAck();
  }

  /** Sends a request and waits for its result. Rejects with an `IqError`. */
  request(type: "get" | "set", to: string | undefined, payload: Element, timeout = IQ_TIMEOUT): Promise<Element> {
    const id = this.nextId();
    const answer = this.iqs.wait(id, timeout);
    this.send(xml("iq", { xmlns: ns.CLIENT, type, to, id }, payload));
    return answer;
  }

  /** Answers a request of somebody else. */
  answer(request: Element, ...children: Element[]): void {
    const { from, id } = request.attrs;
    this.send(xml("iq", { xmlns: ns.CLIENT, type: "result", to: from, id }, ...children));
  }

  refuse(request: Element, type: string, condition: string, extra?: Element): void {
    const { from, id } = request.attrs;
    const error = xml("error", { type }, xml(condition, { xmlns: ns.STANZAS }), extra);
    this.send(xml("iq", { xmlns: ns.CLIENT, type: "error", to: from, id }, error));
  }

  /** Tries at once instead of waiting for the next turn: for the browser's `online` event. */
  hurry(): void {
    if (this.up || this.ended || this.retryTimer === undefined) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.attempt(this.resumeId !== undefined);
  }

  /** Leaves for good. */
  close(reason = "left"): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.retryTimer);
    clearTimeout(this.pingTimer);
    if (this.up) this.stream?.send(xml("presence", { xmlns: ns.CLIENT, type: "unavailable" }));
    this.up = false;
    this.stream?.close();
    this.iqs.failAll("session-lost");
    this.emit("closed", { reason });
  }

  private attempt(resume: boolean): void {
    this.retryTimer = undefined;
    if (!resume) this.dropSession();
    const previd = this.resumeId;
    const url = new URL(this.options.url);
    if (previd) url.searchParams.set("previd", previd);
    const stream: Stream = new Stream(
      url.href,
      this.options.domain,
      {
        ready: (offersResume) => this.ready(offersResume),
        element: (element) => this.element(element),
        refused: (reason) => this.close(reason),
        closed: () => this.streamEnded(stream),
      },
      this.options.parser,
      this.options.makeSocket,
    );
    this.stream = stream;
  }

  private ready(offersResume: boolean): void {
    this.heardAt = Date.now();
    if (this.resumeId && offersResume && this.acks) {
      this.stream?.send(xml("resume", { xmlns: ns.SM, previd: this.resumeId, h: this.acks.received }));
      this.watch();
    } else {
      this.bind(offersResume);
    }
  }

  private bind(offersResume: boolean): void {
    this.dropSession();
    const id = this.nextId();
    const bound = this.iqs.wait(id);
    this.stream?.send(xml("iq", { xmlns: ns.CLIENT, type: "set", id }, xml("bind", { xmlns: ns.BIND })));
    const stream = this.stream;
    bound.then(
      (result) => {
        const jid = result.child("bind")?.childText("jid");
        if (!jid) return stream?.end("no address bound");
        this.jid = jid;
        if (!offersResume) return this.cameUp(true);
        stream?.send(xml("enable", { xmlns: ns.SM, resume: true }));
      },
      () => stream?.end("not bound"),
    );
    this.watch();
  }

  private element(element: Element): void {
    this.heardAt = Date.now();
    if (element.ns === ns.SM) return this.streamManagement(element);
    if (this.acks && Acks.counts(element)) this.acks.received += 1;
    const type = element.attrs["type"];
    if (element.name === "iq" && (type === "result" || type === "error")) {
      this.iqs.handle(element);
    } else if (Acks.counts(element)) {
      this.emit("stanza", element);
    }
  }

  private streamManagement(element: Element): void {
    const h = Number(element.attrs["h"]);
    switch (element.name) {
      case "enabled":
        this.acks = new Acks();
        this.resumeId = element.attrs["resume"] === "true" ? element.attrs["id"] : undefined;
        return this.cameUp(true);
      case "resumed":
        if (!this.acks?.acked(h)) return this.forgetSession("the server acknowledged what we never sent");
        this.cameUp(false);
        for (const stanza of this.acks.unacked) this.stream?.send(stanza);
        return this.requestAck();
      case "failed":
        // Either resumption was refused to begin with, or the session is gone and the stream is not: then a fresh
        // session on it.
        if (this.up) return;
        return this.resumeId ? this.bind(true) : this.cameUp(true);
      case "r":
        this.stream?.send(xml("a", { xmlns: ns.SM, h: this.acks?.received ?? 0 }));
        return;
      case "a":
        this.acks?.acked(h);
        return;
    }
  }

  private cameUp(fresh: boolean): void {
    this.up = true;
    this.retry = undefined;
    this.unrequested = 0;
    this.iqs.unpause();
    this.watch();
    if (fresh) this.emit("online", { jid: this.jid });
    else this.emit("resumed", undefined);
  }

  private streamEnded(stream: Stream): void {
    if (stream !== this.stream || this.ended) return;
    clearTimeout(this.pingTimer);
    const wasUp = this.up;
    this.up = false;
    this.stream = undefined;
    if (this.resumeId) this.iqs.pause();
    else this.iqs.failAll("session-lost");
    this.retry ??= new Retry(Date.now());
    const next = this.retry.next(Date.now());
    if (wasUp) this.emit("lost", undefined);
    if (!next) return this.close("The server could not be reached.");
    this.retryTimer = setTimeout(() => this.attempt(next.resume && this.resumeId !== undefined), next.after);
  }

  private forgetSession(reason: string): void {
    this.dropSession();
    this.stream?.end(reason);
  }

  private dropSession(): void {
    this.resumeId = undefined;
    this.acks = undefined;
    this.iqs.failAll("session-lost");
  }

  private requestAck(): void {
    this.unrequested = 0;
    this.stream?.send(xml("r", { xmlns: ns.SM }));
  }

  /** Notices a path that died silently: an idle stream is asked something now and then. */
  private watch(): void {
    clearTimeout(this.pingTimer);
    this.pingTimer = setTimeout(() => {
      const asked = Date.now();
      if (asked - this.heardAt < PING_INTERVAL) return this.watch();
      if (this.up) this.ping();
      this.pingTimer = setTimeout(() => {
        if (this.heardAt < asked) this.stream?.end("silent");
        else this.watch();
      }, PING_TIMEOUT);
    }, PING_INTERVAL);
  }

  private ping(): void {
    this.request("get", this.options.domain, xml("ping", { xmlns: ns.PING })).catch(() => undefined);
  }
}
