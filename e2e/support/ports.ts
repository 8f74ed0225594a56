import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Those given already: what is to listen there may not do so yet. */
const given = new Set<number>();

/**
 * A port of loopback that is free for TCP and UDP. It lies below the range that the system gives to outgoing
 * connections, so that nobody takes it while a killed server is down, and it is given once.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if (given.has(port) || !(await tcpFree(port)) || !(await udpFree(port))) continue;
    given.add(port);
    return port;
  }
}

function tcpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function udpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}
