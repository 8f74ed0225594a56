// A signalling server in memory: enough of streams, resumption and one room to join a meeting against.

import { parse, xml, type Element } from "../../src/protocol/xml";
import * as ns from "../../src/protocol/ns";
import type { SocketLike } from "../../src/protocol/xmpp/stream";

export const DOMAIN = "meet.example";
export const ROOM = `demo@conference.${DOMAIN}`;

interface Kept {
  jid: string;
  /** counted stanzas of the client that were handled */
  handled: number;
  /** counted stanzas to the client, all of them */
  sent: Element[];
}

export class FakeServer {
  sockets: FakeSocket[] = [];
  sessions = new Map<string, Kept>();
  /** what clients sent, counted stanzas only */
  received: Element[] = [];
  /** attempts to connect, by address */
  attempts: string[] = [];
  offersResume = true;
  reachable = true;
  /** takes the socket and never says a word */
  mute = false;
  saslFailure: string | undefined;
  answers: ((stanza: Element, socket: FakeSocket) => boolean)[] = [];
  private users = 0;

  readonly makeSocket = (url: string): SocketLike => {
    this.attempts.push(url);
    const socket = new FakeSocket(this);
    this.sockets.push(socket);
    queueMicrotask(() => (this.reachable ? socket.onopen?.(new Event("open")) : socket.die(1006)));
    return socket;
  };

  get live(): FakeSocket {
    const socket = this.sockets[this.sockets.length - 1];
    if (!socket) throw new Error("nobody has connected");
    return socket;
  }

  newUser(): string {
    this.users += 1;
    return `${String(this.users).padStart(8, "0")}-0000-4000-8000-000000000000@${DOMAIN}/res`;
  }

  /** Forgets every session, as after an outage that was too long. */
  forget(): void {
    this.sessions.clear();
  }

  push(stanza: Element): void {
    this.live.deliver(stanza);
  }

  /** Requests of the client with that payload. */
  requests(name: string, namespace?: string): Element[] {
    return this.received.filter((one) => one.name === "iq" && one.child(name, namespace));
  }
}

export class FakeSocket implements SocketLike {
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  onerror: SocketLike["onerror"] = null;
  /** everything the client wrote */
  frames: Element[] = [];
  closed = false;
  kept: Kept | undefined;
  jid = "";
  private authenticated = false;

  constructor(private readonly server: FakeServer) {}

  send(text: string): void {
    if (this.closed || this.server.mute) return;
    const element = parse(text, new DOMParser());
    this.frames.push(element);
    queueMicrotask(() => this.handle(element));
  }

  close(): void {
    this.closed = true;
  }

  /** The network breaks. */
  die(code = 1006): void {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.({ code } as CloseEvent);
  }

  /** Sends a counted stanza. */
  deliver(stanza: Element): void {
    this.kept?.sent.push(stanza);
    this.write(stanza.toString());
  }

  write(text: string): void {
    if (!this.closed) this.onmessage?.({ data: text } as MessageEvent);
  }

  private handle(element: Element): void {
    if (element.name === "open") this.opened();
    else if (element.name === "auth") this.auth();
    else if (element.ns === ns.SM) this.streamManagement(element);
    else if (element.child("bind", ns.BIND)) this.bind(element);
    else if (["iq", "presence", "message"].includes(element.name)) this.stanza(element);
  }

  private opened(): void {
    this.write(`<open xmlns="${ns.FRAMING}" from="${DOMAIN}" id="s" version="1.0"/>`);
    const features = this.authenticated
      ? `<bind xmlns="${ns.BIND}"/>${this.server.offersResume ? `<sm xmlns="${ns.SM}"/>` : ""}`
      : `<mechanisms xmlns="${ns.SASL}"><mechanism>ANONYMOUS</mechanism></mechanisms>`;
    this.write(`<stream:features xmlns:stream="${ns.STREAM}" xmlns="jabber:client">${features}</stream:features>`);
  }

  private auth(): void {
    const { saslFailure } = this.server;
    this.authenticated = saslFailure === undefined;
    if (saslFailure === undefined) this.write(`<success xmlns="${ns.SASL}"/>`);
    else this.write(`<failure xmlns="${ns.SASL}"><not-allowed/><text>${saslFailure}</text></failure>`);
  }

  private bind(iq: Element): void {
    this.jid = this.server.newUser();
    const bound = xml("bind", { xmlns: ns.BIND }, xml("jid", {}, this.jid));
    this.write(xml("iq", { xmlns: ns.CLIENT, type: "result", id: iq.attrs["id"] }, bound).toString());
  }

  private streamManagement(element: Element): void {
    if (element.name === "enable") {
      const id = `resume-${this.jid.slice(0, 8)}`;
      this.kept = { jid: this.jid, handled: 0, sent: [] };
      this.server.sessions.set(id, this.kept);
      this.write(`<enabled xmlns="${ns.SM}" id="${id}" resume="true"/>`);
    } else if (element.name === "resume") {
      this.resume(element);
    } else if (element.name === "r" && this.kept) {
      this.write(`<a xmlns="${ns.SM}" h="${this.kept.handled}"/>`);
    }
  }

  private resume(element: Element): void {
    const previd = element.attrs["previd"] ?? "";
    const kept = this.server.sessions.get(previd);
    if (!kept) return this.write(`<failed xmlns="${ns.SM}"><item-not-found xmlns="${ns.STANZAS}"/></failed>`);
    this.kept = kept;
    this.jid = kept.jid;
    this.write(`<resumed xmlns="${ns.SM}" previd="${previd}" h="${kept.handled}"/>`);
    for (const stanza of kept.sent.slice(Number(element.attrs["h"]))) this.write(stanza.toString());
  }

  private stanza(stanza: Element): void {
    if (this.kept) this.kept.handled += 1;
    this.server.received.push(stanza);
    if (this.server.answers.some((answer) => answer(stanza, this))) return;
    if (stanza.name === "iq" && stanza.child("ping", ns.PING)) this.deliver(result(stanza));
  }
}

export const result = (request: Element, ...children: Element[]): Element =>
  xml("iq", { xmlns: ns.CLIENT, type: "result", id: request.attrs["id"], from: request.attrs["to"] }, ...children);

export const failure = (request: Element, type: string, condition: string): Element =>
  xml(
    "iq",
    { xmlns: ns.CLIENT, type: "error", id: request.attrs["id"], from: request.attrs["to"] },
    xml("error", { type }, xml(condition, { xmlns: ns.STANZAS })),
  );

/** Lets everything that is ready happen, with fake timers. */
export async function settle(): Promise<void> {
  const { vi } = await import("vitest");
  await vi.advanceTimersByTimeAsync(0);
}
