import { beforeEach, describe, expect, test } from "vitest";
import * as ns from "../src/protocol/ns";
import { OCCUPANTS_MAX } from "../src/protocol/limits";
import { readMute } from "../src/protocol/room/moderation";
import { cameraOn, micOn, readOccupant } from "../src/protocol/room/occupant";
import { presenceChildren } from "../src/protocol/room/own-presence";
import { readRefusal } from "../src/protocol/room/refusal";
import { Room } from "../src/protocol/room/room";
import type { Connection } from "../src/protocol/xmpp/connection";
import type { Element } from "../src/protocol/xml";
import { ROOM } from "./support/fake-server";
import { read } from "./support/jingle";

const item = (attrs = 'affiliation="none" role="participant" jid="b@meet.example/r"', inner = "") => `<item ${attrs}>${inner}</item>`;
const x = (inner: string) => `<x xmlns="${ns.MUC_USER}">${inner}</x>`;
const presence = (nick: string, inner: string, type = "") => read(`<presence xmlns="jabber:client" from="${ROOM}/${nick}" ${type && `type="${type}"`}>${inner}</presence>`);
const message = (from: string, inner: string, type = "groupchat") =>
  read(`<message xmlns="jabber:client" from="${from}" id="m1" type="${type}">${inner}</message>`);

let sent: Element[];
let room: Room;
let log: unknown[];

beforeEach(() => {
  sent = [];
  log = [];
  const connection = { send: (stanza: Element) => sent.push(stanza), nextId: () => "a1" } as unknown as Connection;
  room = new Room(connection, ROOM, "me", { name: "Ada", hand: 0, sources: { "me-a0": { muted: true, desktop: false } } });
  room.focusJid = "focus@auth.meet.example";
  for (const name of ["joined", "refused", "occupant", "left", "focus", "kicked", "destroyed", "chat", "subject", "reconfigured"] as const) {
    room.on(name, (value: unknown) => log.push([name, value]));
  }
});

describe("coming and going", () => {
  test("we join with our presence, then it goes without the MUC's x", () => {
    room.join("secret");
    expect(sent[0]?.child("x", ns.MUC)?.childText("password")).toBe("secret");
    expect(sent[0]?.attrs["to"]).toBe(`${ROOM}/me`);
    room.update({ name: "Ada", hand: 5, sources: {} });
    expect(sent).toHaveLength(1);
    room.handle(presence("me", x(item() + '<status code="110"/>')));
    room.update({ name: "Ada", hand: 5, sources: {} });
    expect(sent[1]?.child("x")).toBeUndefined();
    expect(sent[1]?.childText("jitsi_participant_raisedHand")).toBe("5");
    expect(log).toEqual([["joined", undefined]]);
  });

  test("others come, change and go; the focus is not one of them", () => {
    room.handle(presence("focus", x(item('affiliation="owner" role="moderator" jid="focus@auth.meet.example/focus"'))));
    room.handle(presence("bob", x(item())));
    room.handle(presence("bob", `<nick xmlns="${ns.NICK}">Bob</nick>${x(item())}`));
    room.handle(presence("bob", x(item()), "unavailable"));
    room.handle(presence("nobody", x(item()), "unavailable"));
    expect(log.map((entry) => (entry as unknown[])[0])).toEqual(["focus", "occupant", "occupant", "left"]);
    expect(room.occupants.size).toBe(0);
  });

  test("an impostor with the focus's nick is an ordinary occupant", () => {
    room.handle(presence("focus", x(item('affiliation="none" role="participant" jid="evil@meet.example/x"'))));
    expect(log).toMatchObject([["occupant", { nick: "focus" }]]);
  });

  test("a presence without item, a hidden leave and other rooms are passed over", () => {
    room.handle(presence("bob", ""));
    room.handle(presence("bob", `<ignore xmlns="${ns.JITMEET_IGNORE}"/>`, "unavailable"));
    expect(room.handle(read('<presence from="other@conference.meet.example/bob"/>'))).toBe(false);
    expect(log).toEqual([]);
  });

  test("a crowd has a limit", () => {
    for (let count = 0; count < OCCUPANTS_MAX + 5; count += 1) room.handle(presence(`n${count}`, x(item())));
    expect(room.occupants.size).toBe(OCCUPANTS_MAX);
  });

  test("a kick names who and by whom", () => {
    room.handle(presence("bob", x(item())));
    const kick = (nick: string) => presence(nick, x(item('role="none"', '<actor nick="bob"/><reason>why</reason>') + '<status code="307"/>'), "unavailable");
    room.handle(kick("bob"));
    room.handle(kick("me"));
    expect(log.slice(1)).toEqual([
      ["kicked", { nick: "bob", by: "bob", self: false, reason: "why" }],
      ["left", "bob"],
      ["kicked", { nick: "me", by: "bob", self: true, reason: "why" }],
    ]);
  });

  test("the end of the room is told", () => {
    room.handle(presence("me", x(`${item()}<destroy><reason>over</reason></destroy>`), "unavailable"));
    expect(log).toEqual([["destroyed", "over"]]);
  });
});

describe("refusals", () => {
  const refusal = (type: string, inner: string) => readRefusal(presence("me", `<error type="${type}">${inner}</error>`, "error"));
  const condition = (name: string) => `<${name} xmlns="${ns.STANZAS}"/>`;

  test("are told apart", () => {
    expect(refusal("auth", condition("not-authorized"))).toEqual({ kind: "password" });
    expect(refusal("cancel", `${condition("not-allowed")}<text>Room creation is restricted</text>`)).toEqual({ kind: "try-again" });
    expect(refusal("cancel", `${condition("not-allowed")}<room-does-not-exist/>`)).toEqual({ kind: "try-again" });
    expect(refusal("cancel", condition("conflict"))).toEqual({ kind: "try-again" });
    expect(refusal("wait", condition("service-unavailable"))).toMatchObject({ kind: "final", text: /full/ });
    expect(refusal("auth", `<lobbyroom>l@x</lobbyroom>${condition("registration-required")}`)).toMatchObject({ kind: "final", text: /lobby/ });
    expect(refusal("cancel", `${condition("forbidden")}<text>No.</text>`)).toEqual({ kind: "final", text: "No." });
    expect(refusal("cancel", "")).toMatchObject({ kind: "final" });
  });

  test("reach us only before we are in", () => {
    room.handle(presence("me", `<error type="auth">${condition("not-authorized")}</error>`, "error"));
    expect(log).toEqual([["refused", { kind: "password" }]]);
    room.handle(presence("me", x(item())));
    room.handle(presence("me", `<error type="auth">${condition("not-authorized")}</error>`, "error"));
    expect(log).toHaveLength(2);
  });
});

describe("occupants", () => {
  test("tell their sources", () => {
    const info = '{"bob-a0":{"muted":false},"bob-v0":{"muted":true},"bob-v1":{"videoType":"desktop"}}';
    const bob = readOccupant(presence("bob", `<SourceInfo>${info}</SourceInfo><jitsi_participant_raisedHand>17</jitsi_participant_raisedHand>${x(item())}`));
    expect(bob).toMatchObject({ nick: "bob", hand: 17, sources: { "bob-v1": { muted: false, desktop: true } } });
    expect(bob && [micOn(bob), cameraOn(bob)]).toEqual([true, false]);
  });

  test("may be old-fashioned, or write nonsense", () => {
    const old = readOccupant(presence("tel", `<audiomuted>false</audiomuted>${x(item())}`));
    expect(old && micOn(old)).toBe(true);
    for (const text of ["{", "null", "5", '{"a":null}']) {
      const occupant = readOccupant(presence("bob", `<SourceInfo>${text}</SourceInfo>${x(item())}`));
      expect(occupant && [micOn(occupant), cameraOn(occupant)], text).toEqual([false, false]);
    }
  });

  test("we tell ours in one piece", () => {
    const children = presenceChildren({ name: "", hand: 0, sources: { "me-v1": { muted: false, desktop: true } } });
    expect(children.map((child) => child.name)).toEqual(["c", "SourceInfo", "jitsi_participant_codecList", "jitsi_participant_raisedHand"]);
    expect(children[1]?.text()).toBe('{"me-v1":{"muted":false,"videoType":"desktop"}}');
  });
});

describe("messages", () => {
  test("are said to all or to one", () => {
    room.say("hi");
    room.say("psst", "bob");
    expect(sent.map((one) => [one.attrs["type"], one.attrs["to"], one.childText("body")])).toEqual([
      ["groupchat", ROOM, "hi"],
      ["chat", `${ROOM}/bob`, "psst"],
    ]);
  });

  test("are heard, with the time they were sent at", () => {
    room.handle(message(`${ROOM}/bob`, '<body>hi</body><delay xmlns="urn:xmpp:delay" stamp="2026-01-01T00:00:00Z"/>'));
    room.handle(message(`${ROOM}/bob`, "<body>psst</body>", "chat"));
    expect(log).toEqual([
      ["chat", { id: "m1", from: "bob", text: "hi", private: false, sentAt: Date.UTC(2026, 0, 1) }],
      ["chat", { id: "m1", from: "bob", text: "psst", private: true, sentAt: undefined }],
    ]);
  });

  test("carry the subject and news of the configuration", () => {
    room.handle(message(ROOM, "<subject>Plans</subject>"));
    room.handle(message(ROOM, x('<status code="104"/>')));
    room.handle(message(ROOM, "<body>from nobody</body>"));
    room.handle(message(`${ROOM}/bob`, "<body>no</body>", "error"));
    expect(log).toEqual([
      ["subject", "Plans"],
      ["reconfigured", undefined],
    ]);
  });
});

test("only a request to be muted is one", () => {
  const iq = (namespace: string, text: string) => read(`<iq type="set"><mute xmlns="${namespace}" actor="${ROOM}/bob">${text}</mute></iq>`);
  expect(readMute(iq(ns.MUTE_AUDIO, "true"))).toEqual({ kind: "audio", actor: `${ROOM}/bob` });
  expect(readMute(iq(ns.MUTE_DESKTOP, " true "))).toMatchObject({ kind: "desktop" });
  expect(readMute(iq(ns.MUTE_AUDIO, "false"))).toBeUndefined();
  expect(readMute(iq("urn:x", "true"))).toBeUndefined();
});

