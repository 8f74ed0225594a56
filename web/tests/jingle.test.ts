import { describe, expect, test } from "vitest";
import { acceptChildren, restartChildren, sourceContents } from "../src/protocol/jingle/accept";
import { readOffer } from "../src/protocol/jingle/offer";
import { readSources, writeSource, type Source } from "../src/protocol/jingle/source";
import * as ns from "../src/protocol/ns";
import { xml } from "../src/protocol/xml";
import { action, answerTo, BOB, FEEDBACK, initiate, json, read } from "./support/jingle";
import { RemoteDescription } from "../src/protocol/sdp/remote";

const SCREEN: Source = {
  name: "me-v1",
  owner: "me",
  kind: "video",
  desktop: true,
  msid: "m t",
  ssrcs: [401, 402],
  groups: [{ semantics: "FID", ssrcs: [401, 402] }],
};

describe("an offer", () => {
  test("is read as a whole", () => {
    const offer = readOffer(initiate("7g", `${FEEDBACK},${BOB}`, '<startmuted xmlns="http://jitsi.org/jitmeet/start-muted" audio="true"/>'));
    expect(offer).toMatchObject({ sid: "7g", sctpPort: 5000, bridgeSession: "BS1", webSocket: "wss://meet.example/colibri-ws/b/c/e?pwd=x" });
    expect(offer.startMuted).toEqual({ audio: true, video: false });
    expect(offer.transport).toEqual({
      ufrag: "uf",
      pwd: "pw",
      fingerprints: [{ hash: "sha-256", setup: "actpass", value: "AA:BB" }],
      candidates: ["1 1 udp 2130706431 192.0.2.10 10000 typ host generation 0"],
    });
    expect(offer.audio?.payloadTypes).toEqual([
      { id: 111, name: "opus", clockrate: 48000, channels: 2, fmtp: "minptime=10;useinbandfec=1", feedback: ["transport-cc"] },
    ]);
    expect(offer.video?.payloadTypes.map((one) => one.name)).toEqual(["AV1", "rtx", "VP8", "rtx", "H264"]);
    expect(offer.video?.payloadTypes[4]?.fmtp).toBe("profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1;");
    expect(offer.sources.map((source) => source.name)).toEqual(["jvb-v0", "jvb-a0", "bbbbbbbb-v0", "bbbbbbbb-a0"]);
  });

  test("without a transport is refused", () => {
    expect(() => readOffer(action("session-initiate", json(FEEDBACK)))).toThrow(/transport/);
  });

  test("cannot smuggle lines into a description", () => {
    const evil = read(initiate().toString().replace('ufrag="uf"', 'ufrag="uf&#13;&#10;a=evil"'));
    expect(readOffer(evil).transport.ufrag).toBe("ufa=evil");
  });
});

describe("sources", () => {
  test("in JSON are assembled by name", () => {
    const [video, audio] = readSources(action("source-add", json(BOB)));
    expect(video).toEqual({
      name: "bbbbbbbb-v0",
      owner: "bbbbbbbb",
      kind: "video",
      desktop: false,
      msid: "bv v",
      ssrcs: [21, 22],
      groups: [{ semantics: "FID", ssrcs: [21, 22] }],
    });
    expect(audio).toMatchObject({ name: "bbbbbbbb-a0", kind: "audio", ssrcs: [20], groups: [] });
  });

  test("in JSON may lack lists, names and sense", () => {
    expect(readSources(action("source-add", json('"b":[[{"s":1,"v":"d"}]]')))).toMatchObject([{ name: "b-v0", desktop: true }]);
    for (const text of ['"b":5', '"b":[[{"s":"x"}]]', '"b":[[{"s":-1}]]', '"b":[[null],[["f",1]]]', '"b":{', ""]) {
      expect(readSources(action("source-add", json(text))), text).toEqual([]);
    }
    for (const text of ["null", "[]", '{"sources":null}', '{"sources":"x"}']) {
      expect(readSources(action("source-add", `<json-message xmlns="${ns.JITMEET}">${text}</json-message>`)), text).toEqual([]);
    }
  });

  test("in XML carry their owner", () => {
    const owner = '<ssrc-info xmlns="http://jitsi.org/jitmeet" owner="demo@conference.meet.example/cccccccc"/>';
    const source = `<source xmlns="${ns.SSMA}" ssrc="7" name="cccccccc-v1" videoType="desktop"><parameter name="msid" value="a b"/>${owner}</source>`;
    const content = `<content name="video"><description xmlns="${ns.RTP}" media="video">${source}</description></content>`;
    expect(readSources(action("source-add", content))).toEqual([
      { name: "cccccccc-v1", owner: "cccccccc", kind: "video", desktop: true, msid: "a b", ssrcs: [7], groups: [] },
    ]);
  });

  test("are written as stock focuses read them", () => {
    const written = writeSource(SCREEN).map(String);
    expect(written).toEqual([
      `<source xmlns="${ns.SSMA}" ssrc="401" name="me-v1" videoType="desktop"><parameter name="msid" value="m t"/></source>`,
      `<source xmlns="${ns.SSMA}" ssrc="402" name="me-v1" videoType="desktop"><parameter name="msid" value="m t"/></source>`,
      `<ssrc-group xmlns="${ns.SSMA}" semantics="FID"><source ssrc="401"/><source ssrc="402"/></ssrc-group>`,
    ]);
    const [content] = sourceContents([SCREEN]);
    expect(content?.attrs).toEqual({ name: "video" });
    const again = readSources(xml("jingle", {}, read(String(content))));
    expect(again).toMatchObject([{ name: "me-v1", ssrcs: [401, 402], groups: SCREEN.groups, desktop: true }]);
  });
});

describe("our answer", () => {
  const sdp = answerTo(new RemoteDescription(readOffer(initiate())).toSdp());

  test("lists the group first and every content once", () => {
    const children = acceptChildren(sdp, [SCREEN], 20);
    expect(children[0]?.name).toBe("group");
    expect(children[0]?.all("content").map((one) => one.attrs["name"])).toEqual(["audio", "video", "data"]);
    expect(children.slice(1).map((one) => one.attrs)).toEqual(["audio", "video", "data"].map((name) => ({ creator: "responder", name, senders: "both" })));
    const video = children[2];
    expect(video?.child("initial-last-n", ns.COLIBRI2)?.attrs["value"]).toBe("20");
    expect(video?.child("description")?.all("source")).toHaveLength(2);
    expect(children[1]?.child("description")?.all("source")).toHaveLength(0);
    const h264 = video?.child("description")?.all("payload-type").find((one) => one.attrs["name"] === "H264");
    expect(h264?.all("parameter").map((one) => one.attrs["name"])).toEqual(["profile-level-id", "level-asymmetry-allowed", "packetization-mode"]);
  });

  test("says where we are, but no names that only our network knows", () => {
    const [, audio, , data] = acceptChildren(sdp, [], -1);
    const transport = audio?.child("transport", ns.ICE_UDP);
    expect(transport?.attrs).toMatchObject({ ufrag: "cu", pwd: "cp" });
    expect(transport?.child("fingerprint", ns.DTLS)?.attrs).toEqual({ hash: "sha-256", setup: "active" });
    expect(transport?.all("candidate").map((one) => [one.attrs["ip"], one.attrs["type"], one.attrs["rel-addr"]])).toEqual([["198.51.100.7", "srflx", "10.0.0.1"]]);
    expect(data?.child("transport")?.child("sctpmap", ns.SCTP)?.attrs["number"]).toBe("5000");
  });

  test("to an ICE restart tags every transport", () => {
    const contents = restartChildren(sdp, 3);
    expect(contents.map((one) => one.attrs["name"])).toEqual(["audio", "video", "data"]);
    for (const content of contents) expect(content.child("transport")?.attrs["ice-generation"]).toBe("3");
  });
});
