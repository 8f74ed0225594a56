import { Load } from '../../support/load.ts';
import type { Process } from '../../support/process.ts';
import { Prosody } from '../../support/prosody.ts';
import { type Usage, usageOf } from '../../support/usage.ts';
import { during } from '../../support/wait.ts';
import { Signalling } from './althing.ts';
import type { Contest, Figure, Sample } from './contest.ts';

/** Joins a second while everybody comes. */
const JOIN_RATE = 100;
/** They log in before anything is measured. */
const WARM_UP = { rooms: 2, participants: 5 };

/** What a contest is held with. */
export interface Storm {
  rooms: number;
  participants: number;
  /** seconds that the sessions are left alone and measured; 0: they are not */
  idle: number;
}

/** The people in a room learn of each other: so many presences are delivered while everybody comes. */
export function presences({ rooms, participants }: Storm): number {
  return rooms * participants * participants;
}

const FIGURES: Figure[] = [
  { key: 'cpu', name: 'CPU per join', unit: 'ms', better: 'less' },
  { key: 'memory', name: 'memory per participant', unit: 'KiB', better: 'less' },
  { key: 'p95', name: 'join p95', unit: 'ms', better: 'less' },
  { key: 'again', name: 'joins that failed and were tried again', unit: 'of all', better: 'less' },
];
const FAN_OUT: Figure = { key: 'presence', name: 'CPU per presence delivered', unit: 'us', better: 'less' };
const IDLE: Figure = { key: 'idle', name: 'CPU of a session at rest', unit: 'ms a minute', better: 'less' };

/** Everybody joins at once, a hundred a second. */
export function storm(size: Storm): Contest {
  const { rooms, participants, idle } = size;
  // in a small room the login is what costs
  const figures = [...FIGURES, ...(participants >= 50 ? [FAN_OUT] : []), ...(idle > 0 ? [IDLE] : [])];
  return {
    name: `${rooms} x ${participants} join`,
    peer: 'Prosody',
    figures,
    ours: async () => turn(await Signalling.start(), size),
    theirs: async () => turn(stock(await Prosody.start()), size),
  };
}

/** Somewhere to log in. */
interface Server {
  readonly processes: Process[];
  readonly flags: string[];
  stop(): Promise<void>;
}

function stock(prosody: Prosody): Server {
  return { processes: [prosody.process], flags: prosody.flags, stop: () => prosody.stop() };
}

async function turn(server: Server, size: Storm): Promise<Sample> {
  try {
    await (await enter(server, 'warm', WARM_UP)).end();
    const before = measure(server);
    const load = await enter(server, 'storm', size);
    try {
      const after = measure(server);
      const idle = size.idle > 0 ? await during(size.idle * 1_000, async () => measure(server)) : undefined;
      return sample(size, (await load.end()).figures, [before, after], idle);
    } finally {
      load.kill();
    }
  } finally {
    await server.stop();
  }
}

function enter(server: Server, room: string, size: { rooms: number; participants: number }): Promise<Load> {
  const flags = ['--media', 'none', '--join-rate', `${JOIN_RATE}`];
  return Load.start(room, size.rooms, size.participants, [...server.flags, ...flags]);
}

function measure({ processes }: Server): Usage {
  return usageOf(processes.map((process) => process.pid));
}

type Window = [Usage, Usage];

function sample(size: Storm, figures: Record<string, number>, joined: Window, idle: Window | undefined): Sample {
  const people = size.rooms * size.participants;
  const [cpu, memory] = [seconds(joined), joined[1].residentBytes - joined[0].residentBytes];
  return {
    cpu: (cpu * 1e3) / people,
    presence: (cpu * 1e6) / presences(size),
    memory: memory / 1024 / people,
    p95: (figures['join.p95'] ?? Number.NaN) * 1e3,
    again: (figures['failed'] ?? 0) / people,
    ...(idle ? { idle: (seconds(idle) * 1e3 * 60) / size.idle / people } : {}),
  };
}

function seconds([before, after]: Window): number {
  return after.cpuSeconds - before.cpuSeconds;
}
