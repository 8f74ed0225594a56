import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Process, statusOf } from './process.ts';
import { until } from './wait.ts';

/** HAProxy */
export const PROGRAM = process.env['ALTHING_BALANCER'] ?? '/usr/sbin/haproxy';

/** A router, as whoever stands before it sees it. */
export interface Target {
  name: string;
  address: string;
  /** where it says that it wants work */
  admin: number;
}

/** HAProxy before the routers, as an installation has it: no room, no cookie, any router will do. */
export async function balance(port: number, targets: Target[], data: string): Promise<Process> {
  const servers = targets.map(
    ({ name, address, admin }) =>
      `  server ${name} ${address} check port ${admin} inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions`,
  );
  const file = join(data, 'haproxy.cfg');
  writeFileSync(
    file,
    `${[
      'defaults',
      '  mode tcp',
      '  timeout connect 1s',
      '  timeout client 1h',
      '  timeout server 1h',
      '  retries 2',
      '  option redispatch 1',
      'listen routers',
      `  bind 127.0.0.1:${port}`,
      // sockets stay for hours: turns would leave a router that comes back without work
      '  balance leastconn',
      '  option httpchk GET /readyz',
      ...servers,
    ].join('\n')}\n`,
  );
  const balancer = new Process('haproxy', PROGRAM, ['-db', '-f', file]);
  balancer.start();
  await until('haproxy has a router', async () => (await statusOf(`http://127.0.0.1:${port}/config.js`)) === 200);
  return balancer;
}
