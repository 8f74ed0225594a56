import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readConfig } from "../src/protocol/config";
import * as ns from "../src/protocol/ns";
import { readPlace } from "../src/protocol/place";
import { xml } from "../src/protocol/xml";
import { Call } from "../src/ui/call";
import { FakePeer } from "./support/fake-peer";
import { FakeRoom } from "./support/fake-room";
import { DOMAIN, FakeServer, ROOM, settle } from "./support/fake-server";

let server: FakeServer;
let room: FakeRoom;
let call: Call;
let ask: (constraints: { audio: unknown; video: unknown }) => Promise<unknown>;

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  server = new FakeServer();
  room = new FakeRoom(server);
  vi.stubGlobal("WebSocket", function (url: string) {
    return server.makeSocket(url);
  });
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  ask = async ({ audio, video }) => stream(audio ? device("audio") : undefined, video ? device("video") : undefined);
  mediaDevices({ getUserMedia: (constraints: never) => ask(constraints), enumerateDevices: async () => [], addEventListener: () => undefined });
  call = newCall();
});

afterEach(() => {
  call.meeting?.leave();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("devices", () => {
  test("are shown to the meeting as they come and go", async () => {
    await join();
    expect(call.state.self).toMatchObject({ mic: true, camera: true });
    await call.toggleMic();
    await call.toggleCamera();
    expect(call.state.self).toMatchObject({ mic: false, camera: false });
    await call.toggleMic();
    expect(call.state.self).toMatchObject({ mic: true, camera: false });
  });

  test("stay as they were left the next time", async () => {
    await join();
    await call.toggleCamera();
    call.meeting?.leave();
    call = newCall();
    await join();
    expect(call.state.self).toMatchObject({ mic: true, camera: false });
  });

  test("that were denied do not keep anybody out", async () => {
    ask = async () => Promise.reject(new DOMException("no", "NotAllowedError"));
    await join();
    expect(call.state).toMatchObject({ phase: "joined", self: { mic: false, camera: false } });
    expect(call.devices.problem).toMatch(/microphone.*Allow it/);
  });

  test("of which one is missing are used as far as they are there", async () => {
    ask = async ({ audio, video }) => (video ? Promise.reject(new DOMException("none", "NotFoundError")) : stream(audio ? device("audio") : undefined));
    await join();
    expect(call.state.self).toMatchObject({ mic: true, camera: false });
    expect(call.devices.problem).toBe("No camera was found.");
  });

  test("on an insecure page are explained", async () => {
    mediaDevices(undefined);
    call = newCall();
    await join();
    expect(call.state.phase).toBe("joined");
    expect(call.devices.problem).toMatch(/https:/);
  });

  test("are let go at the end, and there again for whoever joins again", async () => {
    await join();
    const camera = call.devices.camera;
    call.meeting?.leave();
    expect([camera?.readyState, call.devices.mic, call.devices.camera]).toEqual(["ended", null, null]);
    await join();
    expect(call.state).toMatchObject({ phase: "joined", self: { mic: true, camera: true } });
  });

  test("go off when a moderator says so, and the user is told", async () => {
    await join();
    const mute = xml("mute", { xmlns: ns.MUTE_AUDIO, actor: `${ROOM}/bbbbbbbb` }, "true");
    server.push(xml("iq", { xmlns: ns.CLIENT, type: "set", id: "m", from: `${ROOM}/focus` }, mute));
    await settle();
    expect([call.devices.mic, call.state.self.mic]).toEqual([null, false]);
    expect(call.notices.some((notice) => /muted your microphone/.test(notice.text))).toBe(true);
  });
});

describe("the page", () => {
  test("goes to the stage for a pinned tile or a shared screen", async () => {
    await join();
    expect(call.effectiveLayout).toBe("grid");
    call.set({ pinned: "self-v0" });
    expect(call.effectiveLayout).toBe("stage");
    call.toggleLayout();
    expect([call.effectiveLayout, call.pinned]).toEqual(["grid", ""]);
    const info = xml("SourceInfo", {}, '{"bbbbbbbb-v1":{"muted":false,"videoType":"desktop"}}');
    server.push(room.occupant("bbbbbbbb", info));
    expect(call.effectiveLayout).toBe("stage");
    call.toggleLayout();
    expect(call.effectiveLayout).toBe("grid");
  });

  test("goes back to the grid when whoever was pinned leaves", async () => {
    await join();
    server.push(room.occupant("bbbbbbbb"));
    call.set({ pinned: "bbbbbbbb-v0" });
    expect(call.effectiveLayout).toBe("stage");
    server.push(room.gone("bbbbbbbb"));
    expect(call.effectiveLayout).toBe("grid");
    server.push(room.occupant("bbbbbbbb"));
    expect(call.effectiveLayout, "they were away for a moment").toBe("stage");
  });

  test("shows few notices, and none for ever", async () => {
    for (const text of ["a", "b", "c", "d"]) call.notify(text);
    call.notify("e", true);
    expect(call.notices.map((notice) => notice.text)).toEqual(["c", "d", "e"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(call.notices.map((notice) => notice.text)).toEqual(["e"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(call.notices).toEqual([]);
  });
});

function newCall(): Call {
  const config = readConfig({ hosts: { domain: DOMAIN } }, { protocol: "https:", host: DOMAIN, hostname: DOMAIN });
  return new Call(config, readPlace({ pathname: "/demo", search: "", hash: "#name=Ada" }));
}

async function join(): Promise<void> {
  call.join();
  await call.openDevices();
  await settle();
}

function mediaDevices(value: unknown): void {
  Object.defineProperty(navigator, "mediaDevices", { value, configurable: true });
}

function device(kind: string) {
  const track = { kind, readyState: "live", onended: null, getSettings: () => ({ height: 720 }), stop: () => (track.readyState = "ended") };
  return track;
}

function stream(...tracks: (ReturnType<typeof device> | undefined)[]) {
  const of = (kind: string) => tracks.filter((track) => track?.kind === kind);
  return { getAudioTracks: () => of("audio"), getVideoTracks: () => of("video") };
}
