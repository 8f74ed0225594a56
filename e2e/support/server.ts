import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from './ports.ts';
import { Process, binary, statusOf } from './process.ts';
import { type Usage, usage } from './usage.ts';
import { Hopeless, until } from './wait.ts';

/** An `althing up` of its own: own ports, own data folder, killed by its own process id. */
export class Server {
  private readonly process: Process;

  private constructor(
    readonly httpPort: number,
    readonly adminPort: number,
    readonly mediaPort: number,
    private readonly data: string,
    flags: string[],
  ) {
    const own = [
      ...['--http', `127.0.0.1:${httpPort}`],
      ...['--admin', `127.0.0.1:${adminPort}`],
      ...['--media-port', `${mediaPort}`],
      ...['--advertise', '127.0.0.1'],
      ...['--data', data],
    ];
    this.process = new Process('althing up', binary(), ['up', ...own, ...flags]);
  }

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
    await this.process.kill();
  }

  async stop(): Promise<void> {
    await this.process.end('SIGTERM');
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
    return this.process.pid;
  }

  /** CPU seconds so far, and resident bytes now. */
  usage(): Usage {
    return usage(this.pid);
  }

  logTail(): string {
    return this.process.logTail();
  }

  wholeLog(): string {
    return this.process.wholeLog();
  }

  private async launch(): Promise<void> {
    this.process.start();
    await until(
      'althing up is ready',
      async () => {
        if (this.process.ended) throw new Hopeless(`${this.process.ended}:\n${this.logTail()}`);
        return (await this.adminStatus('/readyz')) === 200;
      },
      20_000,
    );
  }

  private adminStatus(path: string): Promise<number> {
    return statusOf(`http://127.0.0.1:${this.adminPort}${path}`);
  }
}
