import { describe, expect, test, vi } from "vitest";
import * as ns from "../src/protocol/ns";
import { FakePeer, track } from "./support/fake-peer";
import { ROOM, settle } from "./support/fake-server";
import { action, BOB, FEEDBACK, initiate, iq, json } from "./support/jingle";
import { aMeeting, answers, jingle, jingles, lastSourceInfo, loseSession, ME, media, meeting, notices, room, server, trackNames } from "./support/meeting";

aMeeting();

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
