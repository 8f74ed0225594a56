import { afterEach, beforeEach, vi } from "vitest";
import { readConfig } from "../../src/protocol/config";
import { Meeting } from "../../src/protocol/meeting/meeting";
import { type Element } from "../../src/protocol/xml";
import { FakePeer } from "./fake-peer";
import { FakeRoom } from "./fake-room";
import { DOMAIN, FakeServer, settle } from "./fake-server";
import { FEEDBACK, initiate, iq } from "./jingle";

export const ME = "00000001";
export let server: FakeServer;
export let room: FakeRoom;
export let meeting: Meeting;
export let notices: string[];

/** Before each test of a file: a meeting of somebody who has not come yet, with a server that does as a test says. */
export function aMeeting(): void {
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
}

export async function join(): Promise<void> {
  meeting.start();
  await settle();
}

export async function media(owners = FEEDBACK): Promise<void> {
  await join();
  jingle(initiate("s1", owners), "i1");
  await settle();
}

/** The path fails, and the focus refuses another session. */
export async function loseSession(condition: string): Promise<void> {
  room.jingleError = condition;
  FakePeer.last.become("failed");
  await vi.advanceTimersByTimeAsync(1100);
  room.jingleError = undefined;
}

export function jingle(payload: Element, id: string): void {
  server.push(iq(payload, id));
}

export const answers = (id: string): Element[] =>
  server.received.filter((one) => one.name === "iq" && one.attrs["id"] === id && ["result", "error"].includes(one.attrs["type"] ?? ""));

export const jingles = (name: string): Element[] =>
  server.requests("jingle").flatMap((one) => one.child("jingle") ?? []).filter((one) => one.attrs["action"] === name);

export const trackNames = (): string[] => meeting.state.tracks.map((one) => one.name);

export function lastSourceInfo(): Record<string, { muted: boolean; videoType?: string }> {
  const presences = server.received.filter((one) => one.name === "presence" && one.child("SourceInfo"));
  return JSON.parse(presences[presences.length - 1]?.childText("SourceInfo") ?? "{}") as Record<string, { muted: boolean }>;
}
