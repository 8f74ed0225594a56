// The room as one of its occupants sees it (XEP-0045): who is there, what is said, how we came and went.

import { Emitter } from "../emitter";
import { CHAT_LENGTH_MAX, OCCUPANTS_MAX } from "../limits";
import { bare, resource } from "../jid";
import * as ns from "../ns";
import type { Connection } from "../xmpp/connection";
import { xml, type Element } from "../xml";
import { isFocus, readOccupant, type Occupant } from "./occupant";
import { joinPresence, presenceChildren, type Self } from "./own-presence";
import { readRefusal, type Refusal } from "./refusal";

export interface ChatMessage {
  id: string;
  from: string;
  text: string;
  private: boolean;
  /** ms since the epoch; `undefined`: just now */
  sentAt: number | undefined;
}

export interface RoomEvents {
  joined: void;
  refused: Refusal;
  occupant: Occupant;
  left: string;
  /** our own role and the like, from our reflected presence */
  self: Occupant;
  focus: boolean;
  kicked: { nick: string; by: string; self: boolean; reason: string };
  destroyed: string;
  chat: ChatMessage;
  subject: string;
  /** the configuration changed (status 104): ask for it again */
  reconfigured: void;
}

export class Room extends Emitter<RoomEvents> {
  readonly occupants = new Map<string, Occupant>();
  focusJid = "";
  joined = false;

  constructor(
    private readonly connection: Connection,
    readonly jid: string,
    readonly nick: string,
    private self: Self,
  ) {
    super();
  }

  get ownJid(): string {
    return `${this.jid}/${this.nick}`;
  }

  join(password?: string): void {
    this.connection.send(joinPresence(this.ownJid, this.self, password));
  }

  update(self: Self): void {
    this.self = self;
    if (!this.joined) return;
    this.connection.send(xml("presence", { xmlns: ns.CLIENT, to: this.ownJid }, ...presenceChildren(self)));
  }

  leave(): void {
    this.connection.send(xml("presence", { xmlns: ns.CLIENT, type: "unavailable", to: this.ownJid }));
    this.joined = false;
  }

  /** To the whole room, or to one nick alone. */
  say(text: string, to?: string): string {
    const id = this.connection.nextId() + "-" + this.nick;
    const address = to === undefined ? this.jid : `${this.jid}/${to}`;
    const type = to === undefined ? "groupchat" : "chat";
    const body = xml("body", {}, text.slice(0, CHAT_LENGTH_MAX));
    this.connection.send(xml("message", { xmlns: ns.CLIENT, type, to: address, id }, body));
    return id;
  }

  rename(subject: string): void {
    this.connection.send(xml("message", { xmlns: ns.CLIENT, type: "groupchat", to: this.jid }, xml("subject", {}, subject)));
  }

  /** `false`: not a stanza of this room. */
  handle(stanza: Element): boolean {
    const from = stanza.attrs["from"] ?? "";
    if (bare(from) !== this.jid) return false;
    if (stanza.name === "presence") this.presence(stanza, resource(from));
    else if (stanza.name === "message") this.message(stanza, resource(from));
    else return false;
    return true;
  }

  private presence(stanza: Element, nick: string): void {
    const type = stanza.attrs["type"];
    if (stanza.child("ignore", ns.JITMEET_IGNORE)) return;
    if (type === "error") {
      if (nick === this.nick && !this.joined) this.emit("refused", readRefusal(stanza));
    } else if (type === "unavailable") {
      this.unavailable(stanza, nick);
    } else if (type === undefined) {
      this.available(stanza);
    }
  }

  private available(stanza: Element): void {
    const occupant = readOccupant(stanza);
    if (!occupant) return;
    if (occupant.nick === this.nick || hasStatus(stanza, "110")) {
      this.emit("self", occupant);
      if (!this.joined) {
        this.joined = true;
        this.emit("joined", undefined);
      }
      return;
    }
    if (isFocus(occupant, this.focusJid)) return this.emit("focus", true);
    if (!this.occupants.has(occupant.nick) && this.occupants.size >= OCCUPANTS_MAX) return;
    this.occupants.set(occupant.nick, occupant);
    this.emit("occupant", occupant);
  }

  private unavailable(stanza: Element, nick: string): void {
    const x = stanza.child("x", ns.MUC_USER);
    const destroy = x?.child("destroy");
    const self = nick === this.nick;
    if (self && destroy) return this.emit("destroyed", destroy.childText("reason") ?? "");
    if (hasStatus(stanza, "307")) {
      const item = x?.child("item");
      const by = item?.child("actor")?.attrs["nick"] ?? "";
      this.emit("kicked", { nick, by, self, reason: item?.childText("reason") ?? "" });
    } else if (self && this.joined) {
      this.emit("destroyed", stanza.childText("status") ?? "");
    }
    if (nick === "focus" && !this.occupants.has(nick)) return this.emit("focus", false);
    if (this.occupants.delete(nick)) this.emit("left", nick);
  }

  private message(stanza: Element, nick: string): void {
    const type = stanza.attrs["type"];
    if (type === "error") return;
    if (hasStatus(stanza, "104")) return this.emit("reconfigured", undefined);
    const subject = stanza.child("subject");
    const body = stanza.childText("body");
    if (subject && body === undefined) return this.emit("subject", subject.text());
    if (body === undefined || nick === "") return;
    const stamp = Date.parse(stanza.child("delay", ns.DELAY)?.attrs["stamp"] ?? "");
    this.emit("chat", {
      id: stanza.attrs["id"] ?? "",
      from: nick,
      text: body.slice(0, CHAT_LENGTH_MAX),
      private: type === "chat",
      sentAt: Number.isNaN(stamp) ? undefined : stamp,
    });
  }
}

const hasStatus = (stanza: Element, code: string): boolean =>
  (stanza.child("x", ns.MUC_USER)?.all("status") ?? []).some((status) => status.attrs["code"] === code);
