import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as ns from "../src/protocol/ns";
import { RESUME_FOR, RETRY_FOR, UNACKED_MAX } from "../src/protocol/limits";
import { xml } from "../src/protocol/xml";
import { Acks } from "../src/protocol/xmpp/acks";
import { Connection } from "../src/protocol/xmpp/connection";
import { Retry } from "../src/protocol/xmpp/retry";
import { DOMAIN, FakeServer, result, settle } from "./support/fake-server";

let server: FakeServer;
let connection: Connection;
let events: string[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  events = [];
  connection = new Connection({
    url: "wss://meet.example/xmpp-websocket?room=demo",
    domain: DOMAIN,
    parser: new DOMParser(),
    makeSocket: server.makeSocket,
  });
  connection.on("online", ({ jid }) => events.push(`online ${jid.slice(0, 8)}`));
  connection.on("resumed", () => events.push("resumed"));
  connection.on("lost", () => events.push("lost"));
  connection.on("closed", ({ reason }) => events.push(`closed ${reason}`));
  connection.on("stanza", (stanza) => events.push(`stanza ${stanza.attrs["id"]}`));
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

describe("coming up", () => {
  test("a session is bound and made resumable", async () => {
    await up();
    expect(events).toEqual(["online 00000001"]);
    expect(server.live.frames.map((frame) => frame.name)).toEqual(["open", "auth", "open", "iq", "enable"]);
    expect(server.attempts).toEqual(["wss://meet.example/xmpp-websocket?room=demo"]);
  });

  test("a server without stream management will do", async () => {
    server.offersResume = false;
    await up();
    expect(events).toEqual(["online 00000001"]);
    server.live.die();
    await vi.advanceTimersByTimeAsync(1000);
    expect(events).toEqual(["online 00000001", "lost", "online 00000002"]);
  });

  test("a refusal is final and says why", async () => {
    server.saslFailure = "The token has expired";
    await up();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events).toEqual(["closed The token has expired"]);
    expect(server.attempts).toHaveLength(1);
  });

  test("an unreachable server is tried again", async () => {
    server.reachable = false;
    await up();
    await vi.advanceTimersByTimeAsync(2000);
    expect(events).toEqual([]);
    server.reachable = true;
    await vi.advanceTimersByTimeAsync(2000);
    expect(events).toEqual(["online 00000001"]);
  });
});

describe("a lost socket", () => {
  test("is resumed within a quarter of a second", async () => {
    await up();
    server.live.die();
    expect(events).toEqual(["online 00000001", "lost"]);
    await vi.advanceTimersByTimeAsync(250);
    expect(events).toEqual(["online 00000001", "lost", "resumed"]);
    expect(server.attempts[1]).toContain("previd=resume-00000001");
  });

  test("loses nothing in either direction, and repeats nothing", async () => {
    await up();
    say("m1");
    await settle();
    const kept = server.live.kept;
    server.live.die();
    kept?.sent.push(xml("message", { xmlns: ns.CLIENT, id: "in-between" }));
    say("m2");
    await vi.advanceTimersByTimeAsync(250);
    expect(server.received.map((stanza) => stanza.attrs["id"])).toEqual(["m1", "m2"]);
    expect(events).toContain("stanza in-between");
    server.live.die();
    await vi.advanceTimersByTimeAsync(250);
    expect(server.received.map((stanza) => stanza.attrs["id"])).toEqual(["m1", "m2"]);
    expect(events.filter((event) => event === "stanza in-between")).toHaveLength(1);
  });

  test("does not fail a request that was under way", async () => {
    server.answers.push((stanza) => stanza.child("slow") !== undefined);
    await up();
    const answer = connection.request("get", DOMAIN, xml("slow", { xmlns: "urn:x" }), 5000);
    await settle();
    const request = server.received[0];
    server.reachable = false;
    server.live.die();
    await vi.advanceTimersByTimeAsync(20_000);
    server.reachable = true;
    await vi.advanceTimersByTimeAsync(3000);
    expect(events).toContain("resumed");
    if (request) server.push(result(request));
    await expect(answer).resolves.toMatchObject({ name: "iq" });
  });

  test("ends in a fresh session when the old one is gone", async () => {
    await up();
    const answer = connection.request("get", DOMAIN, xml("query", { xmlns: "urn:x" }));
    const failed = expect(answer).rejects.toMatchObject({ condition: "session-lost" });
    server.forget();
    server.live.die();
    await vi.advanceTimersByTimeAsync(250);
    expect(events).toEqual(["online 00000001", "lost", "online 00000002"]);
    await failed;
    server.live.die();
    await vi.advanceTimersByTimeAsync(250);
    expect(events[events.length - 1]).toBe("resumed");
  });

  test("is given up after a long time", async () => {
    await up();
    server.reachable = false;
    server.live.die();
    await vi.advanceTimersByTimeAsync(RETRY_FOR + 10_000);
    expect(events).toEqual(["online 00000001", "lost", "closed The server could not be reached."]);
    const attempts = server.attempts.length;
    await vi.advanceTimersByTimeAsync(RETRY_FOR);
    expect(server.attempts).toHaveLength(attempts);
  });

  test("is tried at once when the network is back", async () => {
    await up();
    server.reachable = false;
    server.live.die();
    await vi.advanceTimersByTimeAsync(10_100);
    server.reachable = true;
    connection.hurry();
    await settle();
    expect(events[events.length - 1]).toBe("resumed");
  });
});

describe("silence", () => {
  test("is broken by a ping, and a dead path noticed", async () => {
    await up();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.requests("ping", ns.PING)).toHaveLength(1);
    expect(events).toEqual(["online 00000001"]);
    server.mute = true;
    await vi.advanceTimersByTimeAsync(26_000);
    expect(events).toContain("lost");
  });

  test("of a server that accepts and says nothing does not hang", async () => {
    server.mute = true;
    await up();
    await vi.advanceTimersByTimeAsync(21_000);
    expect(server.attempts.length).toBeGreaterThan(1);
  });
});

describe("hostile frames", () => {
  for (const frame of ["<a", "no xml", `<iq>${"<a>".repeat(100)}${"</a>".repeat(100)}</iq>`, "x".repeat((1 << 20) + 1)]) {
    test(`are the end of the socket and not of the session: ${frame.slice(0, 12)}`, async () => {
      await up();
      server.live.write(frame);
      await vi.advanceTimersByTimeAsync(250);
      expect(events).toEqual(["online 00000001", "lost", "resumed"]);
    });
  }

  test("an impossible acknowledgement changes nothing", async () => {
    await up();
    say("m1");
    server.live.write(`<a xmlns="${ns.SM}" h="99"/>`);
    server.live.write(`<a xmlns="${ns.SM}" h="NaN"/>`);
    await settle();
    server.live.die();
    await vi.advanceTimersByTimeAsync(250);
    expect(events).toContain("resumed");
  });

  test("more unacknowledged than is bearable starts afresh", async () => {
    await up();
    server.reachable = false;
    server.live.die();
    for (let count = 0; count <= UNACKED_MAX; count += 1) say(`m${count}`);
    server.reachable = true;
    await vi.advanceTimersByTimeAsync(2500);
    expect(events[events.length - 1]).toBe("online 00000002");
  });
});

describe("counters", () => {
  test("count up and never back", () => {
    const acks = new Acks();
    const stanza = xml("message");
    for (let count = 0; count < 3; count += 1) acks.sent(stanza);
    expect([acks.acked(2), acks.unacked.length]).toEqual([true, 1]);
    expect([acks.acked(1), acks.acked(4), acks.acked(NaN), acks.unacked.length]).toEqual([false, false, false, 1]);
    expect([acks.acked(3), acks.unacked.length]).toEqual([true, 0]);
  });

  test("only stanzas are counted", () => {
    expect(["iq", "presence", "message", "r", "a", "enabled"].filter((name) => Acks.counts(xml(name)))).toEqual(["iq", "presence", "message"]);
  });
});

test("the schedule: quick, then steady, then afresh, then never", () => {
  const retry = new Retry(0);
  const first = [0, 1, 2, 3, 4].map(() => retry.next(1000));
  expect(first.map((attempt) => attempt?.after)).toEqual([200, 500, 1000, 2000, 2000]);
  expect(retry.next(RESUME_FOR + 1)).toEqual({ after: 5000, resume: false });
  expect(retry.next(RETRY_FOR + 1)).toBeUndefined();
});

test("leaving says goodbye", async () => {
  await up();
  const { frames } = server.live;
  connection.close();
  expect(frames.slice(-2).map((frame) => [frame.name, frame.attrs["type"]])).toEqual([["presence", "unavailable"], ["close", undefined]]);
  expect(events[events.length - 1]).toBe("closed left");
});

async function up(): Promise<void> {
  connection.connect();
  await settle();
}

function say(id: string): void {
  connection.send(xml("message", { xmlns: ns.CLIENT, id, to: DOMAIN }));
}
