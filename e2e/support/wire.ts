import { type Server as TcpServer, type Socket, connect, createServer } from 'node:net';
import { once } from 'node:events';

import { freePort } from './ports.ts';

/**
 * A stretch of network between browsers and the server's HTTP port that can be cut: connections die without a word, as
 * they do when a router or a cable goes. Media take another way (UDP) and do not pass here.
 */
export class Wire {
  private readonly sockets = new Set<Socket>();
  private broken = false;

  private constructor(
    readonly port: number,
    private readonly target: number,
    private readonly listener: TcpServer,
  ) {}

  static async to(target: number): Promise<Wire> {
    const port = await freePort();
    const listener = createServer();
    const wire = new Wire(port, target, listener);
    listener.on('connection', (socket) => wire.carry(socket));
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    return wire;
  }

  /** Kills what is open; new connections get through again at once. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
    this.sockets.clear();
  }

  /** Kills what is open and whatever is tried until `mend`. */
  sever(): void {
    this.broken = true;
    this.cut();
  }

  mend(): void {
    this.broken = false;
  }

  close(): void {
    this.cut();
    this.listener.close();
  }

  private carry(near: Socket): void {
    if (this.broken) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.target, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
