import { Janus, ownAddress } from '../../support/janus.ts';
import { Load, type Loaded, type Moment } from '../../support/load.ts';
import { pause } from '../../support/wait.ts';
import { percentile } from '../machine.ts';
import { Signalling } from './althing.ts';
import type { Contest, Figure, Sample } from './contest.ts';

/** Height of the one picture that everybody sends. */
const HEIGHT = '180';
/** From the last join to the window: key frames, bandwidth estimates and the like have calmed down. */
const SETTLE_S = 5;
/** The last seconds of a run are of its end. */
const END_S = 2;

/** One room. */
export interface Call {
  participants: number;
  /** of them; everybody watches all the others who send */
  senders: number;
  /** that are measured */
  seconds: number;
}

const FIGURES: Figure[] = [
  { key: 'gigabyte', name: 'CPU per GB delivered', unit: 's', better: 'less' },
  { key: 'packets', name: 'CPU per million packets delivered', unit: 's', better: 'less' },
  { key: 'cpu', name: 'CPU', unit: '% of a core', better: 'less' },
  { key: 'delay', name: 'delay p99', unit: 'ms', better: 'less' },
  { key: 'loss', name: 'loss', unit: '%', better: 'less' },
  { key: 'rate', name: 'delivered', unit: 'Mbit/s', better: 'the same' },
];

/** Everybody comes, and the media of some seconds are measured. */
export function forwarding(call: Call): Contest {
  const { participants, senders } = call;
  return {
    name: senders === participants ? `${participants} watch each other` : `${participants - senders} watch ${senders}`,
    peer: 'Janus',
    figures: FIGURES,
    ours: () => ours(call),
    theirs: () => theirs(call),
  };
}

async function ours(call: Call): Promise<Sample> {
  const server = await Signalling.start(ownAddress());
  try {
    const flags = [...server.flags, '--media', 'video', ...told(call, server.bridge!.pid)];
    return await turn(call, await Load.start('bridge', 1, call.participants, flags));
  } finally {
    await server.stop();
  }
}

async function theirs(call: Call): Promise<Sample> {
  const janus = await Janus.start();
  try {
    const flags = ['--url', janus.url, '--participants', `${call.participants}`, ...told(call, janus.process.pid)];
    return await turn(call, await Load.of(adapter(), flags, call.participants));
  } catch (error) {
    throw new Error(`${String(error)}\n${janus.process.ended ?? ''}\n${janus.process.logTail()}`);
  } finally {
    await janus.stop();
  }
}

/** What both loads are told alike. */
function told({ senders }: Call, pid: number): string[] {
  return ['--video', HEIGHT, '--senders', `${senders}`, '--watch', `${pid}`];
}

/** The participants that speak Janus' API. */
function adapter(): string {
  const path = process.env['BENCH_JANUS'];
  if (!path) throw new Error('BENCH_JANUS names no binary: run this with `cargo xtask bench peers`');
  return path;
}

async function turn(call: Call, load: Load): Promise<Sample> {
  try {
    await pause((SETTLE_S + call.seconds + END_S) * 1_000);
    const loaded = await load.end();
    complete(call, loaded);
    return sample(loaded.figures, window(call, loaded.series));
  } finally {
    load.kill();
  }
}

/** Whoever delivers less has less to do: then nothing is compared. */
function complete({ participants, senders }: Call, { figures }: Loaded): void {
  const streams = 2 * senders * (participants - 1);
  const came = figures['media.streams'] ?? 0;
  if (came !== streams || figures['media.failures'] !== 0) {
    throw new Error(`${came} of ${streams} streams came, ${figures['media.failures']} connections failed`);
  }
}

/** The seconds that count, each with its length. */
function window({ participants, seconds }: Call, series: Moment[]): [Moment, number][] {
  const first = series.find(({ present }) => present === participants);
  const [from, to] = [(first?.at ?? Infinity) + SETTLE_S, (series.at(-1)?.at ?? 0) - END_S];
  const lasting = series.map((moment, index): [Moment, number] => [moment, moment.at - (series[index - 1]?.at ?? 0)]);
  const within = lasting.filter(([{ at }, length]) => at - length >= from && at <= to);
  if (within.length < seconds / 2) throw new Error(`only ${within.length} of ${seconds} seconds were measured`);
  return within;
}

function sample(figures: Record<string, number>, within: [Moment, number][]): Sample {
  const whole = within.reduce((sum, [, length]) => sum + length, 0);
  const mean = (of: (moment: Moment) => number): number =>
    within.reduce((sum, [moment, length]) => sum + of(moment) * length, 0) / whole;
  const cpu = mean(({ servers }) => servers[0]?.cpu ?? Number.NaN);
  const bits = mean(({ media }) => media?.media_bps ?? 0);
  const delays = within.flatMap(([{ media }]) => media?.delay ?? []).map(({ p99 }) => p99);
  return {
    gigabyte: cpu / (bits / 8 / 1e9),
    packets: cpu / (mean(({ media }) => media?.media_pps ?? 0) / 1e6),
    cpu: cpu * 100,
    delay: percentile(delays, 0.5) * 1e3,
    loss: (figures['media.loss'] ?? Number.NaN) * 100,
    rate: bits / 1e6,
  };
}
