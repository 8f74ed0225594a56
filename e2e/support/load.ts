import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Process, binary } from './process.ts';
import { discard, scratch } from './scratch.ts';
import { Hopeless, until } from './wait.ts';

/** What a room did at a roll call, in seconds since it. */
export interface RoomCalled {
  /** how long an answer took, and how much of that the client's own timers */
  answered: [number, number][];
  /** after a reload of the page, in the room again */
  returned: number[];
  /** neither */
  silent: number;
}

/** What happened in a second of a run; times in seconds. */
export interface Moment {
  /** its end, since the run began */
  at: number;
  present: number;
  /** packets a second, and bits of their payloads */
  media: { media_pps: number; media_bps: number; delay: { p99: number } | null } | null;
  /** seconds of processor time a second of each that is watched */
  servers: ({ cpu: number } | null)[];
}

/** What `althing load --json` writes, as far as it is read here. */
export interface Loaded {
  figures: Record<string, number>;
  /** by name: upper end of a class in microseconds, and how many */
  distributions_us: Record<string, [number, number][]>;
  /** one for each second */
  series: Moment[];
  calls: { rooms: Record<string, RoomCalled> }[];
  /** those participants that were browsers; times in seconds */
  browsers: { room: string; join: number | null; first_frame: number | null; frames: number }[];
}

/** A load that ran to its end by itself. */
export interface Run {
  code: number | null;
  /** what it printed */
  log: string;
  /** nothing where it did not begin */
  loaded: Loaded | undefined;
}

export async function runLoad(args: string[]): Promise<Run> {
  const data = scratch('load');
  const json = join(data, 'load.json');
  const child = new Process('load', binary(), ['load', ...args, '--json', json]);
  child.start();
  const code = await child.exited();
  const loaded = existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')) as Loaded) : undefined;
  discard(data);
  return { code, log: child.wholeLog(), loaded };
}

/** For everybody to answer a roll call, reloads of the page included. */
const ROLL_PATIENCE_MS = 60_000;

/** For a participant to join, on a slow machine. */
const JOIN_MS = 100;

/** `althing load`: simulated participants, who can be asked at any moment whether they are served. */
export class Load {
  private calls = 0;

  private constructor(
    readonly room: string,
    private readonly process: Process,
    private readonly data: string,
  ) {}

  /** Everybody is in when this returns. Rooms are called `room`, a dash and a number. */
  static async start(room: string, rooms: number, participants: number, args: string[]): Promise<Load> {
    const size = ['--room', room, '--rooms', `${rooms}`, '--participants', `${participants}`];
    return Load.of(binary(), ['load', ...size, ...args], rooms * participants, room);
  }

  /** Whatever takes the same flags of time and output, says how many are in, and ends at a SIGINT. */
  static async of(program: string, args: string[], people: number, room = ''): Promise<Load> {
    const data = scratch('load');
    const child = new Process('load', program, [...args, '--duration', '10h', '--json', join(data, 'load.json')]);
    child.start();
    const load = new Load(room, child, data);
    const told = load.says(`${people} of ${people} in`, 60_000 + people * JOIN_MS);
    return told.then(
      () => load,
      (error: unknown) => {
        load.kill();
        throw new Error(`${String(error)}\n${child.logTail()}`);
      },
    );
  }

  /** Asks everybody for a sign of life, now. */
  call(): void {
    this.calls += 1;
    process.kill(this.process.pid, 'SIGUSR1');
  }

  /** What it tells once everybody who was called has answered, or has come back after a reload. */
  answered(): Promise<string> {
    return this.says(`roll call ${this.calls}: `, ROLL_PATIENCE_MS).catch(() => 'not everybody answers');
  }

  /** The end of its time: what it measured. */
  async end(): Promise<Loaded> {
    await this.process.end('SIGINT');
    const loaded = JSON.parse(readFileSync(join(this.data, 'load.json'), 'utf8')) as Loaded;
    this.kill();
    return loaded;
  }

  /** Whatever it was about to say. */
  kill(): void {
    void this.process.kill();
    discard(this.data);
  }

  /** The first line with these words. */
  private says(words: string, patienceMs: number): Promise<string> {
    return until(
      `the load says "${words}"`,
      () => {
        const line = this.process.wholeLog().split('\n').find((line) => line.includes(words));
        if (!line && this.process.ended) throw new Hopeless(`${this.process.ended}:\n${this.process.logTail()}`);
        return line;
      },
      patienceMs,
    );
  }
}
