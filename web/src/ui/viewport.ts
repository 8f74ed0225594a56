// Keeps account of how large each picture is on the page and tells the meeting what to fetch.

import type { Call } from "./call";
import { linesFor, type TileModel } from "./tiles";

const PAUSE = 150;

export class Viewport {
  private readonly heights = new Map<Element, { tile: TileModel; height: number; visible: boolean }>();
  private readonly sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) this.note(target, { height: contentRect.height });
  });
  private readonly sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) this.note(target, { visible: isIntersecting });
  });
  private readonly shownOrHidden = () => this.soon();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stage = "";
  private closed = false;

  constructor(private readonly call: Call) {
    document.addEventListener("visibilitychange", this.shownOrHidden);
  }

  /** The page that it looks at is gone. */
  close(): void {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.shownOrHidden);
    this.sizes.disconnect();
    this.sight.disconnect();
    clearTimeout(this.timer);
  }

  /** The element shows the tile until the returned function is called. */
  watch(element: Element, tile: TileModel): () => void {
    this.heights.set(element, { tile, height: element.clientHeight, visible: true });
    this.sizes.observe(element);
    this.sight.observe(element);
    this.soon();
    return () => {
      this.heights.delete(element);
      this.sizes.unobserve(element);
      this.sight.unobserve(element);
      this.soon();
    };
  }

  /** The source that has the stage; empty: there is none. */
  setStage(name: string): void {
    if (name === this.stage) return;
    this.stage = name;
    this.soon();
  }

  private note(element: Element, change: { height?: number; visible?: boolean }): void {
    const entry = this.heights.get(element);
    if (entry) Object.assign(entry, change);
    this.soon();
  }

  private soon(): void {
    if (this.closed) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.tell();
    }, PAUSE);
  }

  private tell(): void {
    const wanted: Record<string, number> = {};
    for (const { tile, height, visible } of this.heights.values()) {
      const lines = visible && !document.hidden ? linesFor(tile.kind, height) : 0;
      if (!tile.self && lines > 0) wanted[tile.name] = Math.max(lines, wanted[tile.name] ?? 0);
    }
    this.call.meeting?.want(wanted, this.stage in wanted ? [this.stage] : []);
  }
}
