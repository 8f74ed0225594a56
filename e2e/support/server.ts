import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from './ports.ts';
import { Hopeless, until } from './wait.ts';

/** Lines of the log that a failed scenario shows. */
const LOG_TAIL = 80;

/** An `althing up` of its own: own ports, own data folder, killed by its own process id. */
export class Server {
  private child: ChildProcess | undefined;
  private readonly log: string[] = [];

  private constructor(
    readonly httpPort: number,
    readonly adminPort: number,
    readonly mediaPort: number,
    private readonly data: string,
    private readonly flags: string[],
  ) {}

  static async start(flags: string[] = []): Promise<Server> {
    const data = mkdtempSync(join(tmpdir(), 'althing-e2e-'));
    const server = new Server(await freePort(), await freePort(), await freePort(), data, flags);
    await server.launch();
    return server;
  }

  /** Starts it again on the same ports and data. */
  async restart(): Promise<void> {
    await this.launch();
  }

  /** No goodbye: SIGKILL, and gone when this returns. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.data, { recursive: true, force: true });
  }

  async healthy(): Promise<boolean> {
    return (await this.adminStatus('/healthz')) === 200;
  }

  async admin<T>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`);
    return (await response.json()) as T;
  }

  /** The Prometheus text. */
  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.adminPort}/metrics`)).text();
  }

  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined) throw new Error('the server is not running');
    return pid;
  }

  /** CPU seconds so far, and resident bytes now. */
  usage(): { cpuSeconds: number; residentBytes: number } {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // proc(5): utime and stime are fields 14 and 15 of the whole line, in ticks of 10 ms on Linux
    const ticks = Number(fields[11]) + Number(fields[12]);
    const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return { cpuSeconds: ticks / 100, residentBytes: Number(resident?.[1] ?? 0) * 1024 };
  }

  logTail(): string {
    return this.log.slice(-LOG_TAIL).join('\n');
  }

  wholeLog(): string {
    return this.log.join('\n');
  }

  private async launch(): Promise<void> {
    const binary = process.env['ALTHING_BINARY'];
    if (!binary) throw new Error('ALTHING_BINARY names no binary: run this with `cargo xtask e2e`');
    const child = spawn(binary, ['up', ...this.ownFlags(), ...this.flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    const leaveNothing = (): void => void child.kill('SIGKILL');
    process.once('exit', leaveNothing);
    child.once('exit', () => process.off('exit', leaveNothing));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => this.log.push(...text.split('\n').filter((line) => line !== '')));
    }
    await until(
      'althing up is ready',
      async () => {
        if (child.exitCode !== null) throw new Hopeless(`it ended with ${child.exitCode}:\n${this.logTail()}`);
        return (await this.adminStatus('/readyz')) === 200;
      },
      20_000,
    );
  }

  private ownFlags(): string[] {
    return [
      ...['--http', `127.0.0.1:${this.httpPort}`],
      ...['--admin', `127.0.0.1:${this.adminPort}`],
      ...['--media-port', `${this.mediaPort}`],
      ...['--advertise', '127.0.0.1'],
      ...['--data', this.data],
    ];
  }

  private async adminStatus(path: string): Promise<number> {
    try {
      return (await fetch(`http://127.0.0.1:${this.adminPort}${path}`)).status;
    } catch {
      return 0;
    }
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
