// The grid of equal tiles, or one on the stage and the rest beside it.

import { useEffect, useRef, useState } from "preact/hooks";
import { Tile } from "./tile";
import { fit, onStage, tiles, type TileModel } from "./tiles";
import { useCall } from "./use-call";
import type { Viewport } from "./viewport";

const GAP = 8;
const TILE_WIDTH_MIN = 150;

export function Pictures({ viewport }: { viewport: Viewport }) {
  const call = useCall();
  const all = tiles(call.state, call.devices);
  const speaker = useLastSpeaker(call.state.dominant, call.state.self.nick);
  const staged = call.effectiveLayout === "stage" ? onStage(all, call.pinned, speaker) : undefined;
  useEffect(() => viewport.setStage(staged?.name ?? ""), [staged?.name]);
  return staged ? <Stage staged={staged} rest={all.filter((tile) => tile !== staged)} viewport={viewport} /> : <Grid all={all} viewport={viewport} />;
}

function Grid({ all, viewport }: { all: TileModel[]; viewport: Viewport }) {
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box);
  const tile = fit(all.length, width, height, GAP, TILE_WIDTH_MIN);
  return (
    <div ref={box} class="grid" style={{ "--tile-width": `${tile.width}px`, "--columns": tile.columns }}>
      {all.map((one) => (
        <Tile key={one.key} tile={one} viewport={viewport} />
      ))}
      {all.length === 1 && <Alone />}
    </div>
  );
}

function Stage({ staged, rest, viewport }: { staged: TileModel; rest: TileModel[]; viewport: Viewport }) {
  return (
    <div class="stage">
      <div class="stage-main">
        <Tile key={staged.key} tile={staged} viewport={viewport} />
      </div>
      {rest.length > 0 && (
        <div class="strip">
          {rest.map((one) => (
            <Tile key={one.key} tile={one} viewport={viewport} />
          ))}
        </div>
      )}
    </div>
  );
}

function Alone() {
  const call = useCall();
  if (call.state.phase !== "joined") return null;
  return (
    <div class="alone">
      <p>Nobody else is here yet.</p>
      <button class="button" onClick={() => call.set({ dialog: "meeting" })}>
        Invite somebody
      </button>
    </div>
  );
}

/** Who spoke last, oneself aside: the stage does not jump to one's own picture. */
function useLastSpeaker(dominant: string, self: string): string {
  const last = useRef("");
  if (dominant !== "" && dominant !== self) last.current = dominant;
  return last.current;
}

function useSize(box: { current: HTMLElement | null }): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size;
}
