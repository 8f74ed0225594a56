import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';

/** Lines of the log that a failed scenario shows. */
const LOG_TAIL = 80;

/** Nothing is left behind, however this process ends. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));
// whoever runs the scenarios ends those that hang, or failed half way, like this
process.once('SIGTERM', () => process.exit(143));

/** One process of a scenario, ended by its own process id. What it prints is kept, over all of its lives. */
export class Process {
  private child: ChildProcess | undefined;
  private readonly log: string[] = [];

  constructor(
    readonly name: string,
    private readonly program: string,
    private readonly args: string[],
  ) {}

  /** Starts it, again if it has lived before. */
  start(): void {
    if (this.isAlive) throw new Error(`${this.name} is running already`);
    const child = spawn(this.program, this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.once('error', (error) => this.log.push(`${this.program} cannot be started: ${error.message}`));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => this.log.push(...text.split('\n').filter((line) => line !== '')));
    }
  }

  get isAlive(): boolean {
    const child = this.child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined || !this.isAlive) throw new Error(`${this.name} is not running`);
    return pid;
  }

  /** How it ended, or nothing. */
  get ended(): string | undefined {
    if (!this.child || this.isAlive) return undefined;
    return `${this.name} ended with ${this.child.exitCode ?? this.child.signalCode ?? 'no start'}`;
  }

  /** No goodbye: SIGKILL, and gone when this returns. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (!child || !this.isAlive) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    // one that is stopped hears nothing else
    child.kill('SIGCONT');
    await ended;
  }

  /** Its code, once it ended by itself and all that it printed is read; `null`: a signal ended it. */
  async exited(): Promise<number | null> {
    if (!this.child) throw new Error(`${this.name} was never started`);
    if (this.isAlive) await once(this.child, 'close');
    return this.child.exitCode;
  }

  /** SIGSTOP: it stands still and does not know it. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  /** After `freeze`: none of its threads runs any more. Some do for a while where the machine is busy. */
  get standsStill(): boolean {
    const threads = `/proc/${this.pid}/task`;
    // proc(5): the state stands behind the name, which is in brackets
    const state = (thread: string): string | undefined =>
      readFileSync(`${threads}/${thread}/stat`, 'utf8').split(') ').pop()?.[0];
    return readdirSync(threads).every((thread) => state(thread) === 'T');
  }

  /** SIGCONT */
  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  logTail(): string {
    return this.log.slice(-LOG_TAIL).join('\n');
  }

  wholeLog(): string {
    return this.log.join('\n');
  }
}

/** Whatever was started here and still runs; gone when this returns. */
export async function killAll(): Promise<void> {
  const alive = [...running].filter((child) => child.pid !== undefined && child.exitCode === null && child.signalCode === null);
  const ended = alive.map((child) => once(child, 'exit'));
  for (const child of alive) child.kill('SIGKILL');
  await Promise.all(ended);
}

/** The path of the binary under test. */
export function binary(): string {
  const path = process.env['ALTHING_BINARY'];
  if (!path) throw new Error('ALTHING_BINARY names no binary: run this with `cargo xtask e2e`');
  return path;
}

/** The status of an HTTP answer; 0 where there is none. */
export async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).status;
  } catch {
    return 0;
  }
}
