import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readConfig } from "../src/protocol/config";
import { CAPS_VER, FEATURES, info, roomInfo } from "../src/protocol/disco";
import { nickFor } from "../src/protocol/jid";
import * as ns from "../src/protocol/ns";
import { readable, readPlace, roomName, suggestRoom } from "../src/protocol/place";
import { parse } from "../src/protocol/xml";

const page = { protocol: "https:", host: "meet.example", hostname: "meet.example" };
const place = (pathname: string, search = "", hash = "") => readPlace({ pathname, search, hash });

describe("the page's address", () => {
  test("names a room, and perhaps a tenant", () => {
    expect(place("/")).toMatchObject({ room: "", tenant: "" });
    expect(place("/Team%20Sync")).toMatchObject({ room: "team%20sync", tenant: "" });
    expect(place("/acme/Daily/")).toMatchObject({ room: "daily", tenant: "acme" });
    expect(place("/%E0%A4%A")).toMatchObject({ room: "%25e0%25a4%25a" });
  });

  test("may say how to go in", () => {
    expect(place("/a", "?jwt=x.y.z", "#skip-prejoin&name=Ada")).toMatchObject({ token: "x.y.z", skipPrejoin: true, name: "Ada" });
    expect(place("/a", "", "#skip-prejoin=false")).toMatchObject({ skipPrejoin: false, name: undefined });
  });

  test("is written as every Jitsi client writes it", () => {
    expect(roomName('A b"c&d\'e/f')).toBe("a%20b%22c%26de%2ff");
    expect(roomName("ﬁne Über")).toBe("fine%20%c3%bcber");
    expect(roomName("a\ud800b")).toBe("ab");
    expect(roomName("x".repeat(500))).toHaveLength(200);
    expect(readable("fine%20%c3%bcber")).toBe("fine über");
  });

  test("is easy to suggest", () => {
    expect(suggestRoom(() => 0)).toBe("amber-amber-anchor-100");
    expect(suggestRoom(() => 0.9999)).toBe("wide-wide-river-999");
    expect(roomName(suggestRoom())).toMatch(/^[a-z]+-[a-z]+-[a-z]+-\d{3}$/);
  });
});

describe("the configuration", () => {
  test("follows from the page where nothing is said", () => {
    expect(readConfig(undefined, page)).toEqual({
      domain: "meet.example",
      muc: "conference.meet.example",
      focus: "focus.meet.example",
      websocket: "wss://meet.example/xmpp-websocket",
      channelLastN: -1,
      preferSctp: true,
    });
  });

  test("takes the keys of a stock config.js", () => {
    const raw = {
      hosts: { domain: "m.internal", anonymousdomain: "guest.m.internal", muc: "muc.m.internal", focus: "f.m.internal" },
      websocket: "wss://x.example/xmpp-websocket",
      channelLastN: 20,
      bridgeChannel: { preferSctp: false },
    };
    expect(readConfig(raw, page)).toEqual({
      domain: "guest.m.internal",
      muc: "muc.m.internal",
      focus: "f.m.internal",
      websocket: "wss://x.example/xmpp-websocket",
      channelLastN: 20,
      preferSctp: false,
    });
  });

  test("puts a tenant where stock deployments have it, once", () => {
    const config = readConfig({ hosts: { domain: "m.example", muc: "conference.m.example" } }, page, "acme");
    expect([config.muc, config.websocket]).toEqual(["conference.acme.m.example", "wss://meet.example/acme/xmpp-websocket"]);
    const done = readConfig({ hosts: { muc: "conference.acme.m.example" }, websocket: "wss://h/acme/xmpp-websocket" }, page, "acme");
    expect([done.muc, done.websocket]).toEqual(["conference.acme.m.example", "wss://h/acme/xmpp-websocket"]);
  });

  test("survives nonsense", () => {
    for (const raw of [null, 5, "x", [], { hosts: 1, websocket: {} }]) expect(readConfig(raw, page).domain).toBe("meet.example");
    expect(readConfig({ websocket: "http://h:1/xmpp-websocket" }, page).websocket).toBe("wss://h:1/xmpp-websocket");
  });
});

describe("discovery", () => {
  test("the hash is that of the features", () => {
    const text = [...FEATURES].sort().map((feature) => `${feature}<`).join("");
    expect(CAPS_VER).toBe(createHash("sha1").update(text).digest("base64"));
    expect(FEATURES).not.toContain("http://jitsi.org/ssrc-rewriting-1");
  });

  test("a query is answered with its node", () => {
    const query = info("x#y");
    expect([query.attrs["node"], query.all("feature").length]).toEqual(["x#y", FEATURES.length]);
  });

  test("the room's answer is read", () => {
    const field = (name: string, value: string) => `<field var="${name}"><value>${value}</value></field>`;
    const form = `<x xmlns="jabber:x:data">${field("muc#roominfo_meetingId", "m")}${field("muc#roominfo_created_timestamp", "1767225600000")}</x>`;
    const iq = `<iq xmlns="jabber:client"><query xmlns="${ns.DISCO_INFO}"><feature var="muc_passwordprotected"/>${form}</query></iq>`;
    expect(roomInfo(parse(iq, new DOMParser()))).toEqual({ locked: true, meetingId: "m", createdAt: 1767225600000 });
    expect(roomInfo(parse("<iq/>", new DOMParser()))).toEqual({ locked: false, meetingId: undefined, createdAt: undefined });
  });
});

test("the nick is the beginning of the address, or eight digits", () => {
  expect(nickFor("9f1c2d3e-aaaa@meet.example/x")).toBe("9f1c2d3e");
  expect(nickFor("ada@meet.example/x", () => 0.99)).toBe("ffffffff");
});
