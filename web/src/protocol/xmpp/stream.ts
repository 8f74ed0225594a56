// One WebSocket from its opening to its end: framing (RFC 7395), SASL ANONYMOUS, stream restart.
//
// What comes after the second features (bind or resume) is the connection's business.

import { ATTEMPT_TIMEOUT, FRAME_LENGTH_MAX } from "../limits";
import * as ns from "../ns";
import { parse, xml, type Element } from "../xml";

export type SocketLike = Pick<WebSocket, "send" | "close"> & {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
};
export type SocketMaker = (url: string, protocol: string) => SocketLike;

export interface StreamHandler {
  /** authenticated; the features may offer resumption */
  ready(offersResume: boolean): void;
  /** a top-level element after `ready` */
  element(element: Element): void;
  /** the server does not want us: another attempt makes no sense */
  refused(reason: string): void;
  closed(reason: string): void;
}

type Phase = "opening" | "authenticating" | "restarting" | "ready" | "closed";

export class Stream {
  private phase: Phase = "opening";
  private readonly socket: SocketLike;
  private readonly deadline: ReturnType<typeof setTimeout>;

  constructor(
    url: string,
    private readonly domain: string,
    private readonly handler: StreamHandler,
    private readonly parser: DOMParser,
    makeSocket: SocketMaker,
  ) {
    this.deadline = setTimeout(() => this.end("no answer"), ATTEMPT_TIMEOUT);
    this.socket = makeSocket(url, "xmpp");
    this.socket.onopen = () => this.open();
    this.socket.onmessage = (event) => this.frame(String(event.data));
    this.socket.onclose = (event) => this.end(`closed (${event.code})`);
    this.socket.onerror = () => undefined; // a close follows
  }

  send(element: Element): void {
    if (this.phase !== "closed") this.socket.send(element.toString());
  }

  /** Says goodbye: the server forgets the session. */
  close(): void {
    if (this.phase === "ready") this.socket.send(xml("close", { xmlns: ns.FRAMING }).toString());
    this.end("closed by us");
  }

  /** Drops the socket without a word, so that the session can be resumed elsewhere. */
  end(reason: string): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    clearTimeout(this.deadline);
    this.socket.onmessage = this.socket.onclose = this.socket.onopen = null;
    this.socket.close();
    this.handler.closed(reason);
  }

  private open(): void {
    this.send(xml("open", { xmlns: ns.FRAMING, to: this.domain, version: "1.0" }));
  }

  private frame(text: string): void {
    if (text.length > FRAME_LENGTH_MAX) return this.end("a frame was too long");
    let element: Element;
    try {
      element = parse(text, this.parser);
    } catch {
      return this.end("a frame was not XML");
    }
    if (element.ns === ns.FRAMING) {
      if (element.name === "close") this.end("closed by the server");
    } else if (element.name === "error" && element.ns === ns.STREAM) {
      this.end(`stream error: ${element.elements()[0]?.name ?? "unknown"}`);
    } else if (this.phase === "ready") {
      this.handler.element(element);
    } else {
      this.negotiate(element);
    }
  }

  private negotiate(element: Element): void {
    if (element.name === "features") {
      this.features(element);
    } else if (this.phase === "authenticating" && element.name === "success") {
      this.phase = "restarting";
      this.open();
    } else if (this.phase === "authenticating" && element.name === "failure") {
      this.handler.refused(element.childText("text") || (element.elements()[0]?.name ?? "not authorized"));
      this.end("refused");
    }
    // Anything else before `ready` (a pushed discovery comes after it) is none of our business.
  }

  private features(features: Element): void {
    if (this.phase === "opening") {
      const mechanisms = features.child("mechanisms")?.all("mechanism") ?? [];
      if (!mechanisms.some((one) => one.text() === "ANONYMOUS")) {
        this.handler.refused("This server does not let guests in.");
        return this.end("no ANONYMOUS");
      }
      this.phase = "authenticating";
      this.send(xml("auth", { xmlns: ns.SASL, mechanism: "ANONYMOUS" }));
    } else if (this.phase === "restarting") {
      this.phase = "ready";
      clearTimeout(this.deadline);
      this.handler.ready(features.child("sm", ns.SM) !== undefined);
    }
  }
}
