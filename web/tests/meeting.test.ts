import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readConfig } from "../src/protocol/config";
import { Meeting } from "../src/protocol/meeting/meeting";
import * as ns from "../src/protocol/ns";
import { xml, type Element } from "../src/protocol/xml";
import { FakePeer, track } from "./support/fake-peer";
import { FakeRoom } from "./support/fake-room";
import { DOMAIN, FakeServer, ROOM, settle } from "./support/fake-server";
import { action, BOB, FEEDBACK, initiate, iq, json } from "./support/jingle";

const ME = "00000001";
let server: FakeServer;
let room: FakeRoom;
let meeting: Meeting;
let notices: string[];

beforeEach(() => {
  vi.useFakeTimers();
  FakePeer.all = [];
  server = new FakeServer();
  room = new FakeRoom(server);
  notices = [];
  const config = readConfig({ hosts: { domain: DOMAIN } }, { protocol: "https:", host: DOMAIN, hostname: DOMAIN });
  meeting = new Meeting({
    config,
    room: "demo",
    token: "x.y.z",
    name: "Ada",
    machineUid: "m",
    simulcast: true,
    parser: new DOMParser(),
    makeSocket: server.makeSocket,
    makePeer: () => new FakePeer() as unknown as RTCPeerConnection,
  });
  meeting.on("notice", ({ text }) => notices.push(text));
});

afterEach(() => {
  meeting.leave();
  vi.useRealTimers();
});

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

describe("media", () => {
  test("an offer is accepted with three layers under our name", async () => {
    await media();
    const accept = jingles("session-accept")[0];
    expect(accept?.attrs).toMatchObject({ sid: "s1", initiator: `${ROOM}/focus` });
    const [audio, video] = accept?.all("content").map((content) => content.child("description")) ?? [];
    expect(audio?.all("source").map((source) => source.attrs["name"])).toEqual([`${ME}-a0`]);
    expect(video?.all("source").map((source) => source.attrs["name"])).toEqual(Array(6).fill(`${ME}-v0`));
    expect(video?.all("ssrc-group").map((group) => group.attrs["semantics"])).toEqual(["SIM", "FID", "FID", "FID"]);
    expect(answers("i1")[0]?.attrs["type"]).toBe("result");
  });

  test("sources come and go, one negotiation for what comes together", async () => {
    await media();
    const before = FakePeer.last.offers.length;
    jingle(action("source-add", json(BOB)), "i2");
    jingle(action("source-add", json('"cccccccc":[[],[],[{"s":30,"n":"cccccccc-a0","m":"c c"}]]')), "i3");
    await settle();
    expect(trackNames()).toEqual(["bbbbbbbb-v0", "bbbbbbbb-a0", "cccccccc-a0"]);
    expect(FakePeer.last.offers.length - before).toBeLessThanOrEqual(2);
    jingle(action("source-remove", json('"bbbbbbbb":[[{"s":21},{"s":22}],[["f",21,22]]]')), "i4");
    await settle();
    expect(trackNames()).toEqual(["bbbbbbbb-a0", "cccccccc-a0"]);
    expect(["i2", "i3", "i4"].map((id) => answers(id)[0]?.attrs["type"])).toEqual(["result", "result", "result"]);
  });

  test("who leaves takes the tracks along", async () => {
    await media(`${FEEDBACK},${BOB}`);
    server.push(room.occupant("bbbbbbbb"));
    server.push(room.gone("bbbbbbbb"));
    await settle();
    expect(trackNames()).toEqual([]);
  });

  test("who leaves before their sources are negotiated leaves no line behind", async () => {
    await media();
    server.push(room.occupant("bbbbbbbb"));
    jingle(action("source-add", json(BOB)), "i2");
    server.push(room.gone("bbbbbbbb"));
    await settle();
    expect(trackNames()).toEqual([]);
    expect(FakePeer.last.offers[FakePeer.last.offers.length - 1]).not.toContain("bbbbbbbb");
  });

  test("who leaves without sources costs no negotiation", async () => {
    await media();
    const before = FakePeer.last.offers.length;
    server.push(room.occupant("bbbbbbbb"));
    server.push(room.gone("bbbbbbbb"));
    await settle();
    expect(FakePeer.last.offers).toHaveLength(before);
  });

  test("our own sources, sent back to us, are nothing to show", async () => {
    await media();
    jingle(action("source-add", json(`"${ME}":[[],[],[{"s":9,"n":"${ME}-a0","m":"m m"}]]`)), "i2");
    await settle();
    expect(trackNames()).toEqual([]);
  });

  test("the screen is announced once, then muted and unmuted like any source", async () => {
    await media();
    await meeting.setTrack("v1", track("video"));
    await settle();
    const added = jingles("source-add")[0]?.child("content")?.child("description");
    expect(added?.child("source")?.attrs).toMatchObject({ name: `${ME}-v1`, videoType: "desktop" });
    expect(meeting.state.self.screens).toEqual([`${ME}-v1`]);
    expect(lastSourceInfo()).toMatchObject({ [`${ME}-v1`]: { muted: false, videoType: "desktop" } });
    await meeting.setTrack("v1", null);
    await settle();
    expect(lastSourceInfo()).toMatchObject({ [`${ME}-v1`]: { muted: true, videoType: "desktop" } });
    expect(meeting.state.self.screens).toEqual([]);
    const rounds = FakePeer.last.offers.length;
    await meeting.setTrack("v1", track("video"));
    await settle();
    expect(lastSourceInfo()).toMatchObject({ [`${ME}-v1`]: { muted: false } });
    expect([jingles("source-add").length, jingles("source-remove").length, FakePeer.last.offers.length]).toEqual([1, 0, rounds]);
  });

  test("a screen that the focus refuses is let go", async () => {
    const muted: unknown[] = [];
    meeting.on("mutedBy", (event) => muted.push(event));
    await media();
    room.jingleError = "resource-constraint";
    await meeting.setTrack("v1", track("video"));
    await settle();
    expect(muted).toEqual([{ kind: "desktop", actor: "" }]);
    expect(notices.some((notice) => /could not be shared/.test(notice))).toBe(true);
  });

  test("mute and unmute need no negotiation", async () => {
    await media();
    const before = FakePeer.last.offers.length;
    const mic = track("audio");
    await meeting.setTrack("a0", mic);
    expect(FakePeer.last.getTransceivers()[0]?.sender.track).toBe(mic);
    expect([meeting.state.self.mic, lastSourceInfo()[`${ME}-a0`]?.muted]).toEqual([true, false]);
    await meeting.setTrack("a0", null);
    await settle();
    expect([FakePeer.last.getTransceivers()[0]?.sender.track, lastSourceInfo()[`${ME}-a0`]?.muted]).toEqual([null, true]);
    expect(FakePeer.last.offers).toHaveLength(before);
  });

  test("muting works while the bridge channel does not, and while another track fails", async () => {
    await media();
    await meeting.setTrack("v0", track("video"));
    const [audio, video] = FakePeer.last.getTransceivers();
    FakePeer.last.channel.onopen?.();
    FakePeer.last.channel.send = () => {
      throw new Error("closing");
    };
    await meeting.setTrack("v0", null);
    expect(video?.sender.track).toBe(null);
    expect(meeting.state.self.camera).toBe(false);
    await meeting.setTrack("v0", track("video"));
    if (audio) audio.sender.replaceTrack = async () => Promise.reject(new Error("refused"));
    await expect(meeting.setTrack("a0", track("audio"))).rejects.toThrow("refused");
    await expect(meeting.setTrack("v0", null)).rejects.toThrow("refused");
    expect(video?.sender.track).toBe(null);
  });

  test("a track is let go before anybody is told of it", async () => {
    await media();
    await meeting.setTrack("a0", track("audio"));
    const [audio] = FakePeer.last.getTransceivers();
    let sent: unknown;
    const unsubscribe = meeting.subscribe(() => (sent ??= [audio?.sender.track]));
    await meeting.setTrack("a0", null);
    unsubscribe();
    expect(sent).toEqual([null]);
  });

  test("the bridge says how much is wanted, and who speaks", async () => {
    await media();
    meeting.want({ "bbbbbbbb-v0": 360 }, []);
    const { channel, messages } = FakePeer.last;
    channel.onopen?.();
    expect(messages.map((text) => (JSON.parse(text) as { colibriClass: string }).colibriClass)).toEqual(["ClientHello", "ReceiverVideoConstraints", "SourceVideoTypeMessage"]);
    channel.onmessage?.({ data: `{"colibriClass":"SenderSourceConstraints","sourceName":"${ME}-v0","maxHeight":180}` });
    channel.onmessage?.({ data: '{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"bbbbbbbb"}' });
    channel.onmessage?.({ data: '{"colibriClass":"EndpointStats","from":"bbbbbbbb","connectionQuality":42}' });
    await settle();
    const encodings = FakePeer.last.getTransceivers()[1]?.sender.parameters.encodings;
    expect(encodings?.map((encoding) => encoding["active"])).toEqual([true, false, false]);
    expect(meeting.state).toMatchObject({ dominant: "bbbbbbbb", quality: { bbbbbbbb: 42 } });
  });

  test("a session that is moved starts anew, with the same tracks", async () => {
    await media();
    const mic = track("audio");
    await meeting.setTrack("a0", mic);
    const first = FakePeer.last;
    jingle(action("session-terminate", "<reason><success/></reason>"), "i2");
    jingle(initiate("s2"), "i3");
    await settle();
    expect([first.closed, FakePeer.all.length]).toEqual([true, 2]);
    expect(FakePeer.last.getTransceivers()[0]?.sender.track).toBe(mic);
    expect(jingles("session-accept").map((one) => one.attrs["sid"])).toEqual(["s1", "s2"]);
  });

  test("a path that fails is reported, and a new session asked for", async () => {
    await media();
    FakePeer.last.become("connected");
    expect(meeting.state.mediaUp).toBe(true);
    FakePeer.last.become("failed");
    expect(meeting.state.mediaUp).toBe(false);
    await vi.advanceTimersByTimeAsync(1100);
    const terminate = jingles("session-terminate")[0];
    expect(terminate?.child("bridge-session", ns.FOCUS)?.attrs).toEqual({ id: "BS1", restart: "true" });
    expect(FakePeer.last.closed).toBe(true);
    jingle(initiate("s2"), "i2");
    await settle();
    expect(FakePeer.all).toHaveLength(2);
  });

  test("a path that keeps failing is given up no faster than the focus allows", async () => {
    await media();
    const asked: number[] = [];
    for (let round = 2; round < 10; round += 1) {
      FakePeer.last.become("connected");
      FakePeer.last.become("failed");
      const before = jingles("session-terminate").length;
      while (jingles("session-terminate").length === before) await vi.advanceTimersByTimeAsync(100);
      asked.push(Date.now());
      jingle(initiate(`s${round}`), `i${round}`);
      await settle();
    }
    const distances = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
    expect(Math.min(...distances)).toBeGreaterThan(5000);
    const sixth = asked.slice(5).map((at, index) => at - (asked[index] ?? 0));
    expect(Math.min(...sixth)).toBeGreaterThan(60_000);
    await vi.advanceTimersByTimeAsync(60_000);
    FakePeer.last.become("failed");
    await vi.advanceTimersByTimeAsync(1100);
    expect(jingles("session-terminate"), "quick again after a calm minute").toHaveLength(9);
  });

  test("two failures of one session are one wish for another", async () => {
    await media();
    FakePeer.last.refuses = true;
    jingle(action("source-add", json(BOB)), "i2");
    FakePeer.last.become("failed");
    await vi.advanceTimersByTimeAsync(1100);
    expect(jingles("session-terminate")).toHaveLength(1);
  });

  test.each(["resource-constraint", "item-not-found"])("without another session (%s) the room is left and joined", async (condition) => {
    await media();
    server.push(room.occupant("bbbbbbbb"));
    await meeting.setTrack("a0", track("audio"));
    const first = FakePeer.last;
    await loseSession(condition);
    expect(first.closed).toBe(true);
    expect(meeting.state).toMatchObject({ phase: "joined", self: { nick: ME, mic: true }, people: [] });
    expect([server.attempts.length, server.requests("conference").length]).toEqual([1, 2]);
    const presences = server.received.filter((one) => one.name === "presence").map((one) => one.attrs["type"] ?? (one.child("x", ns.MUC) ? "join" : "update"));
    expect(presences.filter((what) => what !== "update")).toEqual(["join", "unavailable", "join"]);
    expect(notices.filter((notice) => /again/.test(notice))).toEqual(["Sound and pictures were lost. You have joined again."]);
    jingle(initiate("s2"), "i9");
    await settle();
    expect(FakePeer.last).not.toBe(first);
    expect(jingles("session-accept").map((one) => one.attrs["sid"])).toEqual(["s1", "s2"]);
    expect(FakePeer.last.getTransceivers()[0]?.sender.track).toBe(first.getTransceivers()[0]?.sender.track);
  });

  test("the room is not left and joined in a hurry, nor without a connection", async () => {
    await media();
    await loseSession("item-not-found");
    jingle(initiate("s2"), "i9");
    await settle();
    await loseSession("item-not-found");
    expect(server.requests("conference")).toHaveLength(2);
    expect(FakePeer.last.closed).toBe(true);
    server.reachable = false;
    server.live.die();
    await vi.advanceTimersByTimeAsync(40_000);
    expect(meeting.state.phase).toBe("reconnecting");
    server.reachable = true;
    await vi.advanceTimersByTimeAsync(5000);
    expect(server.requests("conference")).toHaveLength(3);
    expect(meeting.state.phase).toBe("joined");
  });

  test("a wish that is merely late is repeated", async () => {
    await media();
    room.jingleError = "internal-server-error";
    FakePeer.last.become("failed");
    await vi.advanceTimersByTimeAsync(1100);
    room.jingleError = undefined;
    expect(FakePeer.last.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(6100);
    expect([FakePeer.last.closed, jingles("session-terminate").length, server.requests("conference").length]).toEqual([true, 2, 1]);
  });

  test("an ICE restart of the bridge is followed once", async () => {
    await media();
    const transport = `<transport xmlns="${ns.ICE_UDP}" ufrag="new" pwd="newer" ice-generation="1"/>`;
    for (const id of ["i2", "i3"]) jingle(action("transport-info", `<content name="audio">${transport}</content>`), id);
    await settle();
    expect(FakePeer.last.offers[FakePeer.last.offers.length - 1]).toContain("a=ice-ufrag:new");
    expect(jingles("transport-info")).toHaveLength(1);
  });

  test("strange requests get the errors that they deserve", async () => {
    await media();
    jingle(initiate("s1"), "again");
    jingle(action("source-add", json(BOB), "other"), "unknown");
    jingle(action("session-info"), "info");
    jingle(action("session-initiate", "", "empty"), "empty");
    await settle();
    const condition = (id: string) => answers(id)[0]?.child("error")?.elements()[0]?.name;
    expect(["again", "unknown", "info", "empty"].map(condition)).toEqual(["service-unavailable", "item-not-found", "bad-request", "bad-request"]);
    expect(FakePeer.all).toHaveLength(1);
  });

  test("a direct connection is declined politely", async () => {
    await media();
    server.push(iq(initiate("p2p"), "p1", `${ROOM}/bbbbbbbb`));
    await settle();
    expect(answers("p1")[0]?.attrs["type"]).toBe("result");
    const terminate = jingles("session-terminate").find((one) => one.attrs["sid"] === "p2p");
    expect(terminate?.child("reason")?.elements()[0]?.name).toBe("decline");
    expect(FakePeer.all).toHaveLength(1);
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

async function join(): Promise<void> {
  meeting.start();
  await settle();
}

async function media(owners = FEEDBACK): Promise<void> {
  await join();
  jingle(initiate("s1", owners), "i1");
  await settle();
}

/** The path fails, and the focus refuses another session. */
async function loseSession(condition: string): Promise<void> {
  room.jingleError = condition;
  FakePeer.last.become("failed");
  await vi.advanceTimersByTimeAsync(1100);
  room.jingleError = undefined;
}

function jingle(payload: Element, id: string): void {
  server.push(iq(payload, id));
}

const answers = (id: string): Element[] =>
  server.received.filter((one) => one.name === "iq" && one.attrs["id"] === id && ["result", "error"].includes(one.attrs["type"] ?? ""));

const jingles = (name: string): Element[] =>
  server.requests("jingle").flatMap((one) => one.child("jingle") ?? []).filter((one) => one.attrs["action"] === name);

const trackNames = (): string[] => meeting.state.tracks.map((one) => one.name);

function lastSourceInfo(): Record<string, { muted: boolean; videoType?: string }> {
  const presences = server.received.filter((one) => one.name === "presence" && one.child("SourceInfo"));
  return JSON.parse(presences[presences.length - 1]?.childText("SourceInfo") ?? "{}") as Record<string, { muted: boolean }>;
}
