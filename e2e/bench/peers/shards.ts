import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROGRAM } from '../../support/balancer.ts';
import { freePort } from '../../support/ports.ts';
import { Process, statusOf } from '../../support/process.ts';
import { Hopeless, until } from '../../support/wait.ts';

/** `plain` only answers requests, faster than anything before it can ask; `echo` knows WebSockets. */
export type Kind = 'plain' | 'echo';

const ECHO = fileURLToPath(new URL('echo.js', import.meta.url));
/** So that there is something to choose. */
const COUNT = 2;
/** As long as a short answer of a conference request. */
const BODY = 'x'.repeat(200);

/** What stands behind a front in place of stock shards, the same for both sides. */
export class Shards {
  private constructor(
    private readonly process: Process,
    readonly ports: number[],
  ) {}

  static async start(kind: Kind, data: string): Promise<Shards> {
    const ports: number[] = [];
    while (ports.length < COUNT) ports.push(await freePort());
    const process = kind === 'echo' ? echo(ports) : plain(ports, data);
    process.start();
    for (const port of ports) await answers(process, port);
    return new Shards(process, ports);
  }

  stop(): Promise<void> {
    return this.process.kill();
  }
}

/** Whether something listens that knows the way to a shard. */
export function answers(process: Process, port: number): Promise<true> {
  return until(`${process.name} answers`, async () => {
    if (process.ended) throw new Hopeless(`${process.ended}:\n${process.logTail()}`);
    return (await statusOf(`http://127.0.0.1:${port}/http-bind?room=first`)) === 200;
  });
}

function echo(ports: number[]): Process {
  return new Process('echo', process.execPath, [ECHO, ...ports.map(String)]);
}

/** HAProxy again: it answers by itself. */
function plain(ports: number[], data: string): Process {
  const file = join(data, 'plain.cfg');
  const binds = ports.map((port) => `  bind 127.0.0.1:${port}`);
  const answer = `  http-request return status 200 content-type text/plain string "${BODY}"`;
  const times = ['  timeout client 60s', '  timeout http-keep-alive 60s'];
  writeFileSync(file, ['frontend shards', '  mode http', ...times, ...binds, answer, ''].join('\n'));
  return new Process('plain', PROGRAM, ['-db', '-f', file]);
}
