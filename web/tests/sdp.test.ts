import { describe, expect, test } from "vitest";
import { readOffer } from "../src/protocol/jingle/offer";
import { readSources } from "../src/protocol/jingle/source";
import { sections, withSimulcast } from "../src/protocol/sdp/local";
import { RemoteDescription } from "../src/protocol/sdp/remote";
import { action, answerTo, BOB, FEEDBACK, initiate, json } from "./support/jingle";

const fresh = (owners = FEEDBACK) => new RemoteDescription(readOffer(initiate("s1", owners)));
const sourcesOf = (owners: string) => readSources(action("source-add", json(owners)));
const outline = (remote: RemoteDescription) =>
  sections(remote.toSdp()).map(({ mid, kind, lines, ssrcs }) => {
    const direction = lines.find((line) => /^a=(sendrecv|sendonly|recvonly|inactive)$/.test(line))?.slice(2) ?? "";
    return `${mid} ${kind} ${direction} ${ssrcs.join(",")}`.trim();
  });

describe("the bridge's side", () => {
  test("begins with our own lines and the bridge's feedback on them", () => {
    expect(outline(fresh())).toEqual(["0 audio sendrecv 12346", "1 video sendrecv 12345", "2 application"]);
    expect(outline(fresh(BOB)).slice(0, 2)).toEqual(["0 audio recvonly", "1 video recvonly"]);
  });

  test("has one line for each remote source", () => {
    const remote = fresh(`${FEEDBACK},${BOB}`);
    expect(outline(remote).slice(3)).toEqual(["3 video sendonly 21,22", "4 audio sendonly 20"]);
  });

  test("a line that is free goes to the next source of its kind, and none disappears", () => {
    const remote = fresh(`${FEEDBACK},${BOB}`);
    remote.removeOwner("bbbbbbbb");
    expect(outline(remote).slice(3)).toEqual(["3 video inactive", "4 audio inactive"]);
    remote.add(sourcesOf('"cccccccc":[[{"s":31,"n":"cccccccc-v0","m":"x y"}]]'));
    expect(outline(remote).slice(3)).toEqual(["3 video sendonly 31", "4 audio inactive"]);
  });

  test("a repeated source takes no second line", () => {
    const remote = fresh(`${FEEDBACK},${BOB}`);
    remote.add(sourcesOf(BOB));
    expect(outline(remote)).toHaveLength(5);
  });

  test("sources are removed by SSRC; feedback never is", () => {
    const remote = fresh(`${FEEDBACK},${BOB}`);
    remote.remove([21, 22, 12345]);
    expect(outline(remote).slice(1, 4)).toEqual(["1 video sendrecv 12345", "2 application", "3 video inactive"]);
    expect(remote.sources.map((source) => source.name)).toEqual(["bbbbbbbb-a0"]);
  });

  test("room for the screen is made once", () => {
    const remote = fresh();
    remote.open("v1");
    remote.open("v1");
    expect(outline(remote).slice(3)).toEqual(["3 video recvonly"]);
  });

  test("VP8 and its retransmission stand first", () => {
    expect(fresh().toSdp()).toMatch(/^m=video 9 UDP\/TLS\/RTP\/SAVPF 100 96 41 42 107\r$/m);
  });

  test("each description is a new version, and names from the wire stay within their line", () => {
    const remote = fresh();
    remote.add(sourcesOf('"b b":[[{"s":41,"n":"b v\\r\\na=evil","m":"x"}]]'));
    const [first, second] = [remote.toSdp(), remote.toSdp()];
    expect(first).toContain("o=- 1 1 ");
    expect(second).toContain("o=- 1 2 ");
    expect(first).not.toMatch(/^a=evil/m);
  });

  test("an ICE restart changes the credentials and keeps what is not repeated", () => {
    const remote = fresh();
    remote.restart({ ufrag: "new", pwd: "newer", fingerprints: [], candidates: [] });
    const sdp = remote.toSdp();
    expect(sdp).toContain("a=ice-ufrag:new\r\n");
    expect(sdp).not.toContain("a=ice-ufrag:uf\r\n");
    expect(sdp).toContain("a=fingerprint:sha-256 AA:BB");
    expect(sdp).toContain("192.0.2.10");
  });
});

describe("our side", () => {
  const answer = answerTo(fresh().toSdp());
  let next = 5000;
  const munged = withSimulcast(answer, "1", () => next++);

  test("gets three layers with a retransmission stream each", () => {
    const [, video] = sections(munged);
    expect(video?.groups).toEqual([
      { semantics: "SIM", ssrcs: [2000, 5000, 5002] },
      { semantics: "FID", ssrcs: [2000, 2001] },
      { semantics: "FID", ssrcs: [5000, 5001] },
      { semantics: "FID", ssrcs: [5002, 5003] },
    ]);
    expect(video?.ssrcs).toEqual([2000, 5000, 5002, 2001, 5001, 5003]);
    expect(munged).toContain("a=ssrc:5003 cname:me");
  });

  test("is left alone where there are layers already, nothing is sent, or it is another section", () => {
    expect(withSimulcast(munged, "1", () => 1)).toBe(munged);
    expect(withSimulcast(answer, "0", () => 1).match(/SIM/)).toBeNull();
    const silent = answerTo(fresh().toSdp(), { "1": "inactive" });
    expect(withSimulcast(silent, "1", () => 1)).toBe(silent);
  });

  test("is otherwise unchanged", () => {
    const without = (sdp: string) => sdp.split("\r\n").filter((line) => !line.startsWith("a=ssrc"));
    expect(without(munged)).toEqual(without(answer));
  });
});
