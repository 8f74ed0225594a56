import { describe, expect, test, vi } from "vitest";
import * as ns from "../src/protocol/ns";
import { xml, type Element } from "../src/protocol/xml";
import { FakePeer, track } from "./support/fake-peer";
import { DOMAIN, ROOM, settle } from "./support/fake-server";
import { BOB, FEEDBACK, initiate } from "./support/jingle";
import { aMeeting, answers, jingle, jingles, join, ME, media, meeting, notices, room, server, trackNames } from "./support/meeting";

aMeeting();

describe("joining", () => {
  test("asks the focus, then enters, then asks about the room", async () => {
    await join();
    expect(meeting.state).toMatchObject({ phase: "joined", self: { nick: ME, moderator: true, mic: false }, people: [] });
    expect(server.attempts[0]).toBe(`wss://${DOMAIN}/xmpp-websocket?room=demo&token=x.y.z`);
    const conference = server.requests("conference")[0]?.child("conference");
    expect(conference?.attrs).toEqual({ "machine-uid": "m", room: ROOM });
    const order = server.received.map((stanza) => stanza.elements()[0]?.name ?? stanza.name);
    expect(order.slice(0, 2)).toEqual(["conference", "x"]);
  });

  test("asks for a password until it is right", async () => {
    room.password = "sesame";
    await join();
    expect(meeting.state).toMatchObject({ phase: "password", reason: "" });
    meeting.submitPassword("wrong");
    await settle();
    expect(meeting.state).toMatchObject({ phase: "password", reason: "That was not the password." });
    meeting.submitPassword("sesame");
    await settle();
    expect(meeting.state.phase).toBe("joined");
  });

  test("waits for a focus that is not ready", async () => {
    let asked = 0;
    server.answers.unshift((stanza, socket) => {
      if (!stanza.child("conference") || ++asked > 2) return false;
      const answer = xml("conference", { xmlns: ns.FOCUS, ready: false });
      socket.deliver(xml("iq", { xmlns: ns.CLIENT, type: "result", id: stanza.attrs["id"] }, answer));
      return true;
    });
    await join();
    expect(meeting.state.phase).toBe("connecting");
    await vi.advanceTimersByTimeAsync(3000);
    expect([asked, meeting.state.phase]).toEqual([3, "joined"]);
  });

  test("answers what others ask about us", async () => {
    await join();
    const ask = (id: string, payload: Element, type = "get") => server.push(xml("iq", { xmlns: ns.CLIENT, type, id, from: `${ROOM}/focus` }, payload));
    ask("q1", xml("query", { xmlns: ns.DISCO_INFO, node: "n#v" }));
    ask("q2", xml("ping", { xmlns: ns.PING }));
    ask("q3", xml("what", { xmlns: "urn:x" }), "set");
    await settle();
    expect(answers("q1")[0]?.child("query")?.attrs["node"]).toBe("n#v");
    expect(answers("q2")[0]?.attrs["type"]).toBe("result");
    expect(answers("q3")[0]?.child("error")?.elements()[0]?.name).toBe("service-unavailable");
  });
});

describe("loss", () => {
  test("of the socket leaves media and room as they are", async () => {
    await media(`${FEEDBACK},${BOB}`);
    server.push(room.occupant("bbbbbbbb"));
    await settle();
    server.live.die();
    expect(meeting.state).toMatchObject({ phase: "reconnecting" });
    expect(trackNames()).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(250);
    expect(meeting.state).toMatchObject({ phase: "joined", people: [{ nick: "bbbbbbbb" }] });
    expect(FakePeer.all).toHaveLength(1);
    expect(server.requests("conference")).toHaveLength(1);
  });

  test("of the session joins again by itself and says so", async () => {
    await media();
    await meeting.setTrack("a0", track("audio"));
    const first = FakePeer.last;
    server.forget();
    server.live.die();
    await vi.advanceTimersByTimeAsync(250);
    expect(meeting.state).toMatchObject({ phase: "joined", self: { nick: "00000002", mic: true } });
    expect(first.closed).toBe(true);
    expect(notices[notices.length - 1]).toMatch(/joined again|moderator/);
    expect(notices.some((notice) => /joined again/.test(notice))).toBe(true);
    jingle(initiate("s9"), "i9");
    await settle();
    expect(FakePeer.all).toHaveLength(2);
  });
});

test("a focus that restarts is asked back, and its next offer taken", async () => {
  await media();
  server.push(room.gone("focus"));
  await settle();
  expect(FakePeer.last.closed).toBe(true);
  expect(server.requests("conference")).toHaveLength(2);
  jingle(initiate("s2"), "i2");
  await settle();
  expect(jingles("session-accept").map((one) => one.attrs["sid"])).toEqual(["s1", "s2"]);
  expect(meeting.state.phase).toBe("joined");
});

describe("the others", () => {
  test("mute us, through the focus only", async () => {
    const muted: unknown[] = [];
    meeting.on("mutedBy", (event) => muted.push(event));
    await join();
    await meeting.setTrack("a0", track("audio"));
    server.push(room.occupant("bbbbbbbb", xml("nick", { xmlns: ns.NICK }, "Bob")));
    const mute = () => xml("mute", { xmlns: ns.MUTE_AUDIO, actor: `${ROOM}/bbbbbbbb` }, "true");
    const ask = (id: string, from: string) => server.push(xml("iq", { xmlns: ns.CLIENT, type: "set", id, from }, mute()));
    ask("m1", `${ROOM}/bbbbbbbb`);
    await settle();
    expect(meeting.state.self.mic).toBe(true);
    ask("m2", `${ROOM}/focus`);
    await settle();
    expect(meeting.state.self.mic).toBe(false);
    expect(muted).toEqual([{ kind: "audio", actor: "Bob" }]);
  });

  test("write, and what nobody has read is counted", async () => {
    await join();
    const say = (id: string, type: string) =>
      server.push(xml("message", { xmlns: ns.CLIENT, from: `${ROOM}/bbbbbbbb`, id, type }, xml("body", {}, "hi")));
    say("1", "groupchat");
    say("1", "groupchat");
    say("2", "chat");
    expect(meeting.state).toMatchObject({ unread: 2, chat: [{ privateWith: undefined }, { privateWith: "bbbbbbbb", name: "Guest bbbb" }] });
    meeting.showChat(true);
    say("3", "groupchat");
    expect(meeting.state.unread).toBe(0);
    meeting.say("for you", "bbbbbbbb");
    expect(meeting.state.chat[3]).toMatchObject({ own: true, text: "for you", privateWith: "bbbbbbbb" });
  });

  test("throw us out, which ends it", async () => {
    await media();
    const status = xml("status", { code: "307" });
    server.push(room.gone(ME, status));
    await settle();
    expect(meeting.state).toMatchObject({ phase: "kicked", reason: "A moderator removed you from the meeting." });
    expect(FakePeer.last.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.attempts).toHaveLength(1);
  });
});

test("what a moderator asks is asked rightly, and a refusal is told", async () => {
  await join();
  server.push(room.occupant("bbbbbbbb"));
  const kicked = meeting.moderator.kick("bbbbbbbb");
  const granted = meeting.moderator.grant("bbbbbbbb");
  const muted = meeting.moderator.mute("bbbbbbbb");
  await vi.advanceTimersByTimeAsync(11_000);
  await Promise.all([kicked, granted, muted]);
  const items = server.requests("query", ns.MUC_ADMIN).map((one) => one.child("query")?.child("item")?.attrs);
  expect(items).toEqual([
    { nick: "bbbbbbbb", role: "none" },
    { affiliation: "owner", jid: `bbbbbbbb-x@${DOMAIN}` },
  ]);
  expect(server.requests("mute")[0]?.child("mute")?.attrs["jid"]).toBe(`${ROOM}/bbbbbbbb`);
  expect(notices.filter((notice) => /could not/.test(notice))).toHaveLength(2);
});

test("leaving says goodbye everywhere", async () => {
  await media();
  meeting.leave();
  await settle();
  expect(jingles("session-terminate")[0]?.child("reason")?.elements()[0]?.name).toBe("success");
  const goodbyes = server.received.filter((stanza) => stanza.attrs["type"] === "unavailable");
  expect(goodbyes.map((stanza) => stanza.attrs["to"])).toEqual([`${ROOM}/${ME}`, undefined]);
  expect(meeting.state.phase).toBe("left");
});
