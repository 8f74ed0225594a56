import { Load } from '../support/load.ts';
import { Prosody } from '../support/prosody.ts';
import { pause } from '../support/wait.ts';
import type { Size } from './drills.ts';
import type { Figure } from './figures.ts';

const NAME = 'stock Prosody is killed and started again';
/** A page that loads anew counts down from as much as 30 seconds: two times say enough. */
const REPEATS_MAX = 2;
/** What one thread of Lua carries with ease beside the participants on the same machine: it is not measured at its limit. */
const ROOMS_MAX = 30;
const JOIN_RATE = 20;
/** Lines a second of each participant. */
const CHAT = 0.05;

/** Some of the same people on one stock Prosody, without a focus: what its clients see when it is killed and comes back. */
export async function stock(size: Size): Promise<Figure[]> {
  const prosody = await Prosody.start();
  try {
    const flags = [...prosody.flags, '--chat', `${CHAT}`, '--join-rate', `${JOIN_RATE}`];
    const load = await Load.start('stock', Math.min(size.rooms, ROOMS_MAX), size.participants, flags);
    try {
      await strike(prosody, load, Math.min(size.repeats, REPEATS_MAX));
      return figures(await load.end());
    } finally {
      load.kill();
    }
  } finally {
    await prosody.stop();
  }
}

async function strike(prosody: Prosody, load: Load, repeats: number): Promise<void> {
  for (let turn = 0; turn < repeats; turn += 1) {
    const gone = prosody.process.kill();
    load.call();
    await gone;
    prosody.process.start();
    await prosody.ready();
    console.log(`${NAME}, ${turn + 1} of ${repeats}; ${await load.answered()}`);
    await pause(1_000);
  }
}

function figures({ figures, calls }: Awaited<ReturnType<Load['end']>>): Figure[] {
  const rooms = calls.flatMap((call) => Object.values(call.rooms));
  const returns = rooms.flatMap((room) => room.returned.map((after) => after * 1_000));
  const count = (key: string): number => figures[key] ?? 0;
  return [
    { what: `${NAME}: until somebody is in the room again`, timesMs: returns },
    { what: `${NAME}: streams resumed`, count: count('resumes'), of: `${count('breaks')} lost` },
    { what: `${NAME}: reloads, and who never came back`, count: count('reloads') + sum(rooms.map((room) => room.silent)) },
  ];
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
