// Which pictures there are to show, and how large each should be fetched.

import type { MeetingState, Person } from "../protocol/meeting/state";

export interface TileModel {
  key: string;
  /** of the source */
  name: string;
  person: Person;
  self: boolean;
  kind: "camera" | "desktop";
  /** `undefined`: nothing to show, or not yet */
  track: MediaStreamTrack | undefined;
}

/** Screens first, then the others in the order of their coming, oneself last. */
export function tiles(state: MeetingState, own: { camera: MediaStreamTrack | null; screen: MediaStreamTrack | null }): TileModel[] {
  const trackOf = (name: string) => state.tracks.find((one) => one.name === name)?.track;
  const screens = state.people.flatMap((person) =>
    person.screens.map((name): TileModel => ({ key: name, name, person, self: false, kind: "desktop", track: trackOf(name) })),
  );
  const cameras = state.people.map((person): TileModel => {
    const name = `${person.nick}-v0`;
    return { key: name, name, person, self: false, kind: "camera", track: person.camera ? trackOf(name) : undefined };
  });
  const self = state.self;
  const mine = (slot: string, kind: TileModel["kind"], track: MediaStreamTrack | null): TileModel => {
    return { key: `self-${slot}`, name: `${self.nick}-${slot}`, person: self, self: true, kind, track: track ?? undefined };
  };
  const ownScreen = own.screen ? [mine("v1", "desktop", own.screen)] : [];
  return [...screens, ...ownScreen, ...cameras, mine("v0", "camera", own.camera)];
}

/** Who stands on the stage: the pinned one, a screen, the speaker, or somebody. */
export function onStage(all: TileModel[], pinned: string, speaker: string): TileModel | undefined {
  const others = all.filter((tile) => !tile.self);
  return (
    all.find((tile) => tile.key === pinned) ??
    others.find((tile) => tile.kind === "desktop") ??
    others.find((tile) => tile.person.nick === speaker) ??
    others[0] ??
    all[0]
  );
}

/** The layer to ask for, in lines, for a tile of that height in CSS pixels; 0: it cannot be seen. */
export function linesFor(kind: TileModel["kind"], height: number): number {
  if (height <= 0) return 0;
  if (kind === "desktop") return height <= 240 ? 360 : 2160;
  if (height <= 240) return 180;
  if (height <= 480) return 360;
  return height <= 800 ? 720 : 1080;
}

/** Columns and width of equal tiles of 16:9 that fill a box best; tiles never get narrower than `least`. */
export function fit(count: number, width: number, height: number, gap: number, least: number): { columns: number; width: number } {
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = (((height - gap * (rows - 1)) / rows) * 16) / 9;
    const tile = Math.floor(Math.min(byWidth, byHeight));
    if (tile > best.width) best = { columns, width: tile };
  }
  if (best.width >= least) return best;
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  return { columns, width: Math.floor((width - gap * (columns - 1)) / columns) };
}
