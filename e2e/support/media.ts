import type { Page } from 'playwright-core';

import { type Incoming, readIncoming } from './recorder.ts';
import { PATIENCE_MS, during, until } from './wait.ts';

/** Frames that a stream must decode in a window to count as flowing: a starved machine shows few, a muted camera none. */
const FRAMES_MIN = 3;
/** The fake microphone beeps once a second: a window of silence must be longer. */
const WINDOW_MS = 2_500;
/** What is left of a beep in one window is far above this; a muted stream adds nothing. */
const ENERGY_MIN = 1e-6;

export type Kind = Incoming['kind'];

/** Waits until exactly `streams` incoming streams of the kind flow, over a whole window of time. */
export async function flowing(page: Page, kind: Kind, streams: number, patienceMs = PATIENCE_MS): Promise<void> {
  let seen: string[] = [];
  try {
    await until(
      `${streams} incoming ${kind} streams`,
      async () => {
        const [before, after] = await during(WINDOW_MS, () => incoming(page));
        seen = after.filter((stream) => stream.kind === kind).map((stream) => describe(before, stream));
        return grown(before, after, kind).length === streams;
      },
      patienceMs,
    );
  } catch (error) {
    const last = seen.length === 0 ? 'none' : seen.join('; ');
    throw new Error(`${(error as Error).message}; the last window: ${last}`, { cause: error });
  }
}

/** Waits for the first frame of any video stream. */
export async function firstFrame(page: Page, patienceMs = PATIENCE_MS): Promise<void> {
  await until(
    'a first frame',
    async () => (await incoming(page)).some((stream) => stream.kind === 'video' && stream.framesDecoded > 0),
    patienceMs,
  );
}

/** Waits until streams that flow now have brought more: not new ones in their place. */
export async function videoGoesOn(page: Page): Promise<void> {
  const before = await incoming(page);
  await until('the same streams bring more frames', async () => {
    const known = (await incoming(page)).filter((stream) => find(before, stream) !== undefined);
    return grown(before, known, 'video').length > 0;
  });
}

/** Pixels of the tallest picture that flows in. */
export async function tallest(page: Page): Promise<number> {
  const [before, after] = await during(500, () => incoming(page));
  const flowing = new Set(moved(before, after, 'video').map((stream) => stream.key));
  return Math.max(0, ...after.filter((stream) => flowing.has(stream.key)).map((stream) => stream.frameHeight));
}

export function incoming(page: Page): Promise<Incoming[]> {
  return page.evaluate(readIncoming);
}

function grown(before: Incoming[], after: Incoming[], kind: Kind): Incoming[] {
  return moved(before, after, kind).filter((stream) => {
    const old = find(before, stream);
    return kind === 'audio'
      ? stream.audioEnergy - (old?.audioEnergy ?? 0) > ENERGY_MIN
      : stream.framesDecoded - (old?.framesDecoded ?? 0) >= FRAMES_MIN;
  });
}

/** Streams of which anything arrived. */
function moved(before: Incoming[], after: Incoming[], kind: Kind): Incoming[] {
  return after.filter((stream) => stream.kind === kind && stream.packets > (find(before, stream)?.packets ?? 0));
}

function find(streams: Incoming[], wanted: Incoming): Incoming | undefined {
  return streams.find((stream) => stream.key === wanted.key);
}

function describe(before: Incoming[], stream: Incoming): string {
  const old = find(before, stream);
  const frames = stream.framesDecoded - (old?.framesDecoded ?? 0);
  const energy = stream.audioEnergy - (old?.audioEnergy ?? 0);
  const packets = stream.packets - (old?.packets ?? 0);
  return `${stream.key}: ${packets} packets, ${frames} frames of ${stream.frameHeight} px, energy ${energy.toExponential(1)}`;
}
