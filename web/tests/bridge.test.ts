import { beforeEach, describe, expect, test, vi } from "vitest";
import { BridgeChannel, type FromBridge } from "../src/protocol/bridge/channel";
import { layerPlan } from "../src/protocol/bridge/layers";
import { overWebSocket } from "../src/protocol/bridge/pipes";
import { QualityMeter } from "../src/protocol/bridge/quality";
import type { SocketLike } from "../src/protocol/xmpp/stream";

describe("the bridge channel", () => {
  let sent: Record<string, unknown>[];
  let got: FromBridge[];
  let channel: BridgeChannel;
  const pipe = { send: (text: string) => sent.push(JSON.parse(text) as Record<string, unknown>), close: () => undefined };

  beforeEach(() => {
    sent = [];
    got = [];
    channel = new BridgeChannel({ message: (message) => got.push(message) });
  });

  test("says everything again on each new pipe", () => {
    channel.want({ heights: { "b-v0": 180 }, onStage: [], lastN: -1 });
    channel.videoType("me-v0", "camera");
    expect(sent).toEqual([]);
    for (let round = 0; round < 2; round += 1) {
      channel.opened(pipe);
      expect(sent.map((message) => message["colibriClass"])).toEqual(["ClientHello", "ReceiverVideoConstraints", "SourceVideoTypeMessage"]);
      channel.closed();
      sent = [];
    }
  });

  test("says what is wanted, and only when it changes", () => {
    channel.opened(pipe);
    channel.want({ heights: { b: 180, a: 720 }, onStage: ["a"], lastN: -1 });
    channel.want({ heights: { a: 720, b: 180 }, onStage: ["a"], lastN: -1 });
    expect(sent.slice(1)).toEqual([
      {
        colibriClass: "ReceiverVideoConstraints",
        lastN: -1,
        selectedSources: [],
        onStageSources: ["a"],
        defaultConstraints: { maxHeight: 0 },
        constraints: { a: { maxHeight: 720 }, b: { maxHeight: 180 } },
      },
    ]);
    channel.videoType("me-v0", "none");
    channel.videoType("me-v0", "none");
    expect(sent).toHaveLength(3);
  });

  test("says what could not be said once it can be, and lets nobody trip over it", () => {
    let full = true;
    channel.opened({
      ...pipe,
      send: (text: string) => {
        if (full) throw new DOMException("full", "OperationError");
        pipe.send(text);
      },
    });
    channel.want({ heights: { a: 180 }, onStage: [], lastN: -1 });
    channel.videoType("me-v0", "camera");
    channel.videoType("me-v0", "none");
    full = false;
    channel.stats({ connectionQuality: 100 });
    channel.stats({ connectionQuality: 90 });
    expect(sent.map((message) => [message["colibriClass"], message["videoType"]])).toEqual([
      ["ReceiverVideoConstraints", undefined],
      ["SourceVideoTypeMessage", "none"],
      ["EndpointStats", undefined],
      ["EndpointStats", undefined],
    ]);
  });

  test("passes on what is well-formed and nothing else", () => {
    const good = { colibriClass: "SenderSourceConstraints", sourceName: "me-v0", maxHeight: 360 };
    channel.receive(JSON.stringify(good));
    for (const bad of ["", "{", "null", "5", "[]", '{"colibriClass":"SenderSourceConstraints"}', '{"colibriClass":"Unknown"}', '{"colibriClass":"constructor"}', "x".repeat(300_000)]) {
      channel.receive(bad);
    }
    channel.receive(new ArrayBuffer(4));
    expect(got).toEqual([good]);
  });
});

test("a WebSocket is opened again and again, until it is not wanted any more", async () => {
  vi.useFakeTimers();
  const sockets: SocketLike[] = [];
  const make = () => {
    const socket = { send: vi.fn(), close: vi.fn(), onopen: null, onmessage: null, onclose: null, onerror: null } as unknown as SocketLike;
    sockets.push(socket);
    return socket;
  };
  const channel = new BridgeChannel({ message: () => undefined });
  const close = overWebSocket("wss://x/colibri-ws/a", channel, make);
  sockets[0]?.onopen?.(new Event("open"));
  expect(channel.open).toBe(true);
  sockets[0]?.onclose?.({} as CloseEvent);
  expect(channel.open).toBe(false);
  await vi.advanceTimersByTimeAsync(1000);
  sockets[1]?.onclose?.({} as CloseEvent);
  await vi.advanceTimersByTimeAsync(1999);
  expect(sockets).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(sockets).toHaveLength(3);
  close();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(sockets).toHaveLength(3);
  vi.useRealTimers();
});

describe("layers", () => {
  const active = (maxHeight: number, encodings = 3, captured = 720) => layerPlan("v0", encodings, maxHeight, captured).map((one) => one.active);

  test("are those that somebody watches", () => {
    expect(active(-1)).toEqual([true, true, true]);
    expect(active(1080)).toEqual([true, true, true]);
    expect(active(720)).toEqual([true, true, true]);
    expect(active(360)).toEqual([true, true, false]);
    expect(active(180)).toEqual([true, false, false]);
    expect(active(90)).toEqual([true, false, false]);
    expect(active(0)).toEqual([false, false, false]);
  });

  test("are halved from the largest", () => {
    expect(layerPlan("v0", 3, -1).map((one) => [one.scaleResolutionDownBy, one.maxBitrate])).toEqual([
      [4, 200_000],
      [2, 500_000],
      [1, 1_500_000],
    ]);
  });

  test("a single encoding is scaled, a screen never is", () => {
    expect(layerPlan("v0", 1, 180, 720)).toMatchObject([{ active: true, scaleResolutionDownBy: 4 }]);
    expect(layerPlan("v0", 1, 0)).toMatchObject([{ active: false }]);
    expect(layerPlan("v1", 1, 180)).toMatchObject([{ active: true, scaleResolutionDownBy: 1 }]);
    expect(layerPlan("v1", 1, 0)).toMatchObject([{ active: false }]);
  });
});

describe("quality", () => {
  const report = (received: number, lost: number, packets: number, rtt = 0.02) => [
    { type: "inbound-rtp", bytesReceived: received, packetsLost: lost, packetsReceived: packets },
    { type: "outbound-rtp", bytesSent: 0, frameHeight: 360, active: true },
    { type: "outbound-rtp", bytesSent: 0, frameHeight: 720, active: false },
    { type: "candidate-pair", nominated: true, currentRoundTripTime: rtt },
  ];

  test("is measured between two reports", () => {
    const meter = new QualityMeter();
    expect(meter.measure(report(0, 0, 0), 0)).toBeUndefined();
    expect(meter.measure(report(125_000, 0, 100), 1000)).toEqual({
      bitrate: { upload: 0, download: 1000 },
      packetLoss: { total: 0, download: 0, upload: 0 },
      connectionQuality: 100,
      jvbRTT: 20,
      maxEnabledResolution: 360,
    });
    expect(meter.measure(report(125_000, 10, 190), 2000)).toMatchObject({ packetLoss: { total: 10 }, connectionQuality: 50 });
  });

  test("falls with delay and never below nothing", () => {
    const meter = new QualityMeter();
    meter.measure(report(0, 0, 0), 0);
    expect(meter.measure(report(0, 0, 100, 0.4), 1000)).toMatchObject({ connectionQuality: 80 });
    expect(meter.measure(report(0, 900, 200, 5), 2000)).toMatchObject({ connectionQuality: 0 });
    expect(meter.measure(report(0, 0, 0), 3000)).toMatchObject({ packetLoss: { total: 0 } });
  });
});
