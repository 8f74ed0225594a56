import type { Fleet } from '../support/fleet.ts';
import { Load } from '../support/load.ts';
import { pause } from '../support/wait.ts';
import { busiest, kill, level } from './drills.ts';
import type { Figure } from './figures.ts';

/** Media of few people already take much of a machine that has all servers, too. */
const ROOMS = 5;
const PARTICIPANTS = 3;
/** A packet of sound comes every 20 ms, and one of a picture at least every 40. */
const WANTED_MS = 100;
/** For everybody's first packets. */
const FLOW_MS = 5_000;
const QUIET_MS = 3_000;

/**
 * The longest gap of each stream of sound and pictures while the shards of its meeting die one after the other; and of as
 * many streams for as long while nobody dies, which is what the machine does by itself.
 */
export async function media(fleet: Fleet, repeats: number): Promise<Figure[]> {
  const name = 'media of running meetings, longest gap of each stream';
  const [quiet] = await run(fleet, 'quiet', repeats, () => Promise.resolve('nothing'));
  const killed = await run(fleet, 'killed', repeats, async (load) => {
    const { shard } = await busiest(fleet, load);
    await kill(load, shard);
    return shard.name;
  });
  const [gaps, missing] = killed;
  return [
    { what: `${name}: nothing happens`, timesMs: quiet },
    { what: `${name}: a shard is killed`, timesMs: gaps, wanted: { worstMs: WANTED_MS } },
    { what: 'media of running meetings: streams that never came', count: missing, wanted: { count: 0 } },
  ];
}

async function run(
  fleet: Fleet,
  name: string,
  repeats: number,
  strike: (load: Load) => Promise<string>,
): Promise<[number[], number]> {
  await level(fleet);
  const flags = ['--url', `http://127.0.0.1:${fleet.httpPort}`, '--media', 'video', '--video', '180'];
  const load = await Load.start(`media-${name}`, ROOMS, PARTICIPANTS, flags);
  try {
    await pause(FLOW_MS);
    for (let turn = 0; turn < repeats; turn += 1) {
      const what = await strike(load);
      console.log(`media, ${turn + 1} of ${repeats}: ${what} is killed`);
      await pause(QUIET_MS);
      await level(fleet);
    }
    const { figures, distributions_us: distributions } = await load.end();
    const gaps = (distributions['media.gap'] ?? []).flatMap(([end, count]) => Array<number>(count).fill(end / 1_000));
    return [gaps, figures['media.missing'] ?? 0];
  } finally {
    load.kill();
  }
}
