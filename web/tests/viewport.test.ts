import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Call } from "../src/ui/call";
import type { TileModel } from "../src/ui/tiles";
import { Viewport } from "../src/ui/viewport";

const BOB = { key: "b", name: "bbbbbbbb-v0", kind: "camera", self: false } as TileModel;
const observer = { observe: vi.fn(), unobserve: vi.fn(), disconnect: vi.fn() };
const want = vi.fn();
let viewport: Viewport;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  vi.stubGlobal("ResizeObserver", function () {
    return observer;
  });
  vi.stubGlobal("IntersectionObserver", function () {
    return observer;
  });
  viewport = new Viewport({ meeting: { want } } as unknown as Call);
});

afterEach(() => {
  viewport.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("what is on the page is fetched, and nothing while the page is hidden", async () => {
  viewport.watch(tile(300), BOB);
  viewport.setStage(BOB.name);
  await vi.advanceTimersByTimeAsync(200);
  expect(want.mock.calls).toEqual([[{ [BOB.name]: 360 }, [BOB.name]]]);
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  await turn();
  expect(want).toHaveBeenLastCalledWith({}, []);
  hidden.mockReturnValue(false);
  await turn();
  expect(want).toHaveBeenLastCalledWith({ [BOB.name]: 360 }, [BOB.name]);
});

test("a closed one looks at nothing and says nothing", async () => {
  const unwatch = viewport.watch(tile(300), BOB);
  viewport.close();
  unwatch();
  await turn();
  expect(want).not.toHaveBeenCalled();
  expect(observer.disconnect).toHaveBeenCalledTimes(2);
});

async function turn(): Promise<void> {
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(200);
}

function tile(clientHeight: number): Element {
  const element = document.createElement("div");
  Object.defineProperty(element, "clientHeight", { value: clientHeight });
  return element;
}
