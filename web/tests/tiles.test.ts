import { describe, expect, test } from "vitest";
import { initialState, type MeetingState, type Person } from "../src/protocol/meeting/state";
import { fit, linesFor, onStage, tiles } from "../src/ui/tiles";

const person = (nick: string, more: Partial<Person> = {}): Person => ({
  nick, jid: "", name: nick, moderator: false, hand: 0, mic: true, camera: true, screens: [], ...more,
});
const state = (...people: Person[]): MeetingState => ({ ...initialState("me"), self: person("me"), people });
const none = { camera: null, screen: null };
const keys = (of: MeetingState, own = none) => tiles(of, own).map((tile) => tile.key);

describe("tiles", () => {
  test("are there for everybody, with or without a picture", () => {
    expect(keys(state(person("a"), person("b", { camera: false })))).toEqual(["a-v0", "b-v0", "self-v0"]);
  });

  test("show screens first, our own included", () => {
    const own = { camera: null, screen: {} as MediaStreamTrack };
    expect(tiles(state(person("a", { screens: ["a-v1"] })), own).map((tile) => [tile.key, tile.kind])).toEqual([
      ["a-v1", "desktop"],
      ["self-v1", "desktop"],
      ["a-v0", "camera"],
      ["self-v0", "camera"],
    ]);
  });

  test("of a muted camera carry no track", () => {
    const track = {} as MediaStreamTrack;
    const seen = { ...state(person("a", { camera: false })), tracks: [{ name: "a-v0", owner: "a", kind: "video" as const, desktop: false, track }] };
    expect(tiles(seen, none)[0]?.track).toBeUndefined();
    expect(tiles({ ...seen, people: [person("a")] }, none)[0]?.track).toBe(track);
  });
});

describe("the stage", () => {
  const all = tiles(state(person("a"), person("b"), person("c", { screens: ["c-v1"] })), none);

  test("belongs to the pinned, then a screen, then the speaker, then somebody", () => {
    expect(onStage(all, "a-v0", "b")?.key).toBe("a-v0");
    expect(onStage(all, "gone", "b")?.key).toBe("c-v1");
    const noScreen = all.filter((tile) => tile.kind === "camera");
    expect(onStage(noScreen, "", "b")?.key).toBe("b-v0");
    expect(onStage(noScreen, "", "me")?.key).toBe("a-v0");
    expect(onStage(tiles(state(), none), "", "")?.key).toBe("self-v0");
  });
});

test("the layer follows the size on the page", () => {
  expect([0, 100, 240, 241, 480, 481, 800, 801].map((height) => linesFor("camera", height))).toEqual([0, 180, 180, 360, 360, 720, 720, 1080]);
  expect([0, 120, 600].map((height) => linesFor("desktop", height))).toEqual([0, 360, 2160]);
});

describe("the grid", () => {
  const columns = (count: number, width: number, height: number) => fit(count, width, height, 8, 150).columns;

  test("follows the shape of the window", () => {
    expect([1, 2, 3, 4, 5, 9].map((count) => columns(count, 1280, 640))).toEqual([1, 2, 2, 2, 3, 3]);
    expect([1, 2, 4].map((count) => columns(count, 350, 600))).toEqual([1, 1, 1]);
  });

  test("never overflows the width, and scrolls rather than shrinks beyond reason", () => {
    for (let count = 1; count < 120; count += 1) {
      const tile = fit(count, 344, 500, 8, 150);
      expect(tile.columns * tile.width + (tile.columns - 1) * 8).toBeLessThanOrEqual(344);
      expect(tile.width).toBeGreaterThanOrEqual(150);
    }
    expect(fit(3, 0, 0, 8, 150).columns).toBe(1);
  });
});
