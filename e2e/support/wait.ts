/** Waiting for conditions. Nothing here waits for time to pass, except `during`, whose result is about that time. */

/** Milliseconds between two looks at a condition. */
const POLL_MS = 100;

/** What a condition gets before it counts as not met. */
export const PATIENCE_MS = 30_000;

/** Thrown by a condition that cannot be met any more: nobody waits for it. */
export class Hopeless extends Error {}

/** Asks until the answer is neither `undefined`, `null` nor `false`, and returns it. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = Date.now() + patienceMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      if (error instanceof Hopeless) throw new Error(`${what}: ${error.message}`);
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`${what}: not within ${patienceMs / 1000} s`, { cause: last });
    }
    await pause(POLL_MS);
  }
}

/** The readings at the start and the end of a window of time. */
export async function during<T>(windowMs: number, read: () => Promise<T>): Promise<[T, T]> {
  const before = await read();
  await pause(windowMs);
  return [before, await read()];
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
