// The room and the focus of the fake server: answers joins, discovery and requests to the focus.

import * as ns from "../../src/protocol/ns";
import { xml, type Element } from "../../src/protocol/xml";
import { DOMAIN, failure, result, ROOM, type FakeServer, type FakeSocket } from "./fake-server";

export class FakeRoom {
  password: string | undefined;
  moderator = true;
  /** what the focus answers to Jingle; `undefined`: a result */
  jingleError: string | undefined;

  constructor(server: FakeServer) {
    server.answers.push((stanza, socket) => this.answer(stanza, socket));
  }

  occupant(nick: string, ...children: Element[]): Element {
    const item = xml("item", { affiliation: "none", role: "participant", jid: `${nick}-x@${DOMAIN}/r` });
    return presence(nick, ...children, xml("x", { xmlns: ns.MUC_USER }, item));
  }

  gone(nick: string, ...x: Element[]): Element {
    const item = xml("item", { affiliation: "none", role: "none" });
    const children = xml("x", { xmlns: ns.MUC_USER }, item, ...x);
    return xml("presence", { xmlns: ns.CLIENT, type: "unavailable", from: `${ROOM}/${nick}` }, children);
  }

  private answer(stanza: Element, socket: FakeSocket): boolean {
    const to = stanza.attrs["to"] ?? "";
    if (stanza.child("conference", ns.FOCUS)) {
      const ready = xml("conference", { xmlns: ns.FOCUS, room: ROOM, ready: true, focusjid: `focus@auth.${DOMAIN}` });
      socket.deliver(result(stanza, ready));
    } else if (stanza.name === "presence" && stanza.child("x", ns.MUC)) {
      this.join(stanza, socket);
    } else if (stanza.name === "presence" && stanza.attrs["type"] === "unavailable" && to.startsWith(`${ROOM}/`)) {
      socket.deliver(this.gone(to.slice(ROOM.length + 1), xml("status", { code: "110" })));
    } else if (stanza.name === "iq" && to === ROOM && stanza.attrs["type"] === "get") {
      socket.deliver(result(stanza, xml("query", { xmlns: ns.DISCO_INFO })));
    } else if (stanza.name === "iq" && to === `${ROOM}/focus` && stanza.attrs["type"] === "set") {
      socket.deliver(this.jingleError ? failure(stanza, "modify", this.jingleError) : result(stanza));
    } else {
      return false;
    }
    return true;
  }

  private join(stanza: Element, socket: FakeSocket): void {
    const nick = (stanza.attrs["to"] ?? "").split("/")[1] ?? "";
    if (this.password !== undefined && stanza.child("x")?.childText("password") !== this.password) {
      const error = xml("error", { type: "auth" }, xml("not-authorized", { xmlns: ns.STANZAS }));
      return socket.deliver(xml("presence", { xmlns: ns.CLIENT, type: "error", from: `${ROOM}/${nick}` }, error));
    }
    const focus = xml("item", { affiliation: "owner", role: "moderator", jid: `focus@auth.${DOMAIN}/focus` });
    socket.deliver(presence("focus", xml("x", { xmlns: ns.MUC_USER }, focus)));
    const role = this.moderator ? "moderator" : "participant";
    const item = xml("item", { affiliation: "none", role, jid: socket.jid });
    const codes = ["100", "110"].map((code) => xml("status", { code }));
    socket.deliver(presence(nick, xml("x", { xmlns: ns.MUC_USER }, item, ...codes)));
  }
}

export const presence = (nick: string, ...children: Element[]): Element =>
  xml("presence", { xmlns: ns.CLIENT, from: `${ROOM}/${nick}` }, ...children);
