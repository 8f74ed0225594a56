import { type Socket, connect } from 'node:net';

import { pause } from '../../support/wait.ts';

/** Handshakes under way at once. */
const OPENING_MAX = 100;
/** For a handshake; whoever is not through by then fails the measurement. */
const OPEN_MS = 20_000;
/** As long as a small stanza. */
const MESSAGE_BYTES = 120;
const FRAME = frame();

/** Raw WebSockets of one client process: a message that comes back is answered with the next, while they talk. */
export class Sockets {
  /** messages that came back */
  echoes = 0;
  private talking = false;

  private constructor(private readonly sockets: Socket[]) {}

  /** So many, over rooms that share them evenly; each has had one message back when this returns. */
  static async open(port: number, count: number, rooms: number): Promise<Sockets> {
    const opened: Socket[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        const room = next++ % rooms;
        opened.push(await open(port, `/xmpp-websocket?room=room${room}`));
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(OPENING_MAX, count) }, lane));
    } catch (error) {
      opened.forEach((socket) => socket.destroy());
      throw error;
    }
    const sockets = new Sockets(opened);
    for (const socket of opened) sockets.listen(socket);
    await sockets.once();
    return sockets;
  }

  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  /** Each with one message under way, until `silence`. */
  talk(): void {
    this.talking = true;
    for (const socket of this.sockets) socket.write(FRAME);
  }

  silence(): void {
    this.talking = false;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private async once(): Promise<void> {
    for (const socket of this.sockets) socket.write(FRAME);
    const end = Date.now() + OPEN_MS;
    while (this.echoes < this.sockets.length) {
      if (Date.now() > end) throw new Error(`${this.echoes} of ${this.sockets.length} first messages came back`);
      await pause(10);
    }
  }

  private listen(socket: Socket): void {
    let bytes = 0;
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
      // one is under way at a time: a server's frame has no mask
      if (bytes < MESSAGE_BYTES + 2) return;
      bytes = 0;
      this.echoes += 1;
      if (this.talking) socket.write(FRAME);
    });
  }
}

function open(port: number, path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(`a WebSocket was not opened: ${why}`));
    };
    socket.setTimeout(OPEN_MS, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
    socket.once('close', () => fail('closed'));
    socket.once('connect', () => socket.write(handshake(port, path)));
    let head = '';
    const read = (data: Buffer): void => {
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      if (!head.startsWith('HTTP/1.1 101')) return fail(head.split('\r\n')[0]!);
      socket.setTimeout(0);
      socket.off('data', read);
      resolve(socket);
    };
    socket.on('data', read);
  });
}

function handshake(port: number, path: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: xmpp',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A text frame of a client (RFC 6455 section 5.2). */
function frame(): Buffer {
  const [mask, text] = [Buffer.from([0x37, 0xfa, 0x21, 0x3d]), Buffer.alloc(MESSAGE_BYTES, 'm')];
  const masked = text.map((byte, at) => byte ^ mask[at & 3]!);
  return Buffer.concat([Buffer.from([0x81, 0x80 | MESSAGE_BYTES]), mask, masked]);
}
