import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

import { until } from './wait.ts';

/** The server's namespaces, in the order of a login (RFC 7395, RFC 6120). */
const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';

/** A client without manners: bytes and frames as the test wants them, good or bad. */
export class RawClient {
  readonly frames: string[] = [];
  /** The HTTP head of the server's answer. */
  head = '';
  closed = false;
  private unread = Buffer.alloc(0);

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.receive(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** A WebSocket of the room, upgraded. */
  static async upgraded(port: number, room: string): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.bytes(
      `GET /xmpp-websocket?room=${room} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n' +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    await until('the upgrade', () => client.head.startsWith('HTTP/1.1 101'));
    return client;
  }

  /** Logged in and bound; returns the full JID too. */
  static async loggedIn(port: number, room: string, domain: string): Promise<[RawClient, string]> {
    const client = await RawClient.upgraded(port, room);
    const open = `<open xmlns="${FRAMING}" to="${domain}" version="1.0"/>`;
    client.text(open);
    await client.frame('<mechanisms', 'mechanisms');
    client.text(`<auth xmlns="${SASL}" mechanism="ANONYMOUS"/>`);
    await client.frame('<success', 'success');
    client.text(open);
    await client.frame(BIND, 'bind');
    client.text(`<iq xmlns="jabber:client" type="set" id="bind1"><bind xmlns="${BIND}"/></iq>`);
    const bound = await client.frame('<jid>', 'the bound JID');
    return [client, /<jid>([^<]+)<\/jid>/.exec(bound)?.[1] ?? ''];
  }

  bytes(data: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(data);
  }

  /** A masked text frame (RFC 6455 5.2). */
  text(text: string): void {
    const payload = Buffer.from(text);
    const mask = randomBytes(4);
    const masked = Buffer.from(payload.map((byte, index) => byte ^ mask[index % 4]!));
    this.bytes(Buffer.concat([frameHead(payload.length), mask, masked]));
  }

  /** Waits for a frame with this in it. */
  frame(part: string, what: string): Promise<string> {
    return until(`a frame with ${what}`, () => this.frames.find((frame) => frame.includes(part)));
  }

  /** Waits until the server has had enough. */
  async dropped(): Promise<void> {
    await until('the server closes the connection', () => this.closed);
  }

  destroy(): void {
    this.socket.destroy();
  }

  private receive(bytes: Buffer): void {
    this.unread = Buffer.concat([this.unread, bytes]);
    if (this.head === '') {
      const end = this.unread.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.unread.subarray(0, end).toString();
      this.unread = this.unread.subarray(end + 4);
    }
    for (let frame = this.takeFrame(); frame !== undefined; frame = this.takeFrame()) this.frames.push(frame);
  }

  private takeFrame(): string | undefined {
    if (this.unread.length < 2) return undefined;
    const short = this.unread[1]! & 0x7f;
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (this.unread.length < 2 + extra) return undefined;
    const length =
      extra === 0 ? short : extra === 2 ? this.unread.readUInt16BE(2) : Number(this.unread.readBigUInt64BE(2));
    const end = 2 + extra + length;
    if (this.unread.length < end) return undefined;
    const frame = this.unread.subarray(2 + extra, end).toString();
    this.unread = this.unread.subarray(end);
    return frame;
  }
}

function frameHead(length: number): Buffer {
  if (length < 126) return Buffer.from([0x81, 0x80 | length]);
  if (length < 65_536) {
    const head = Buffer.from([0x81, 0x80 | 126, 0, 0]);
    head.writeUInt16BE(length, 2);
    return head;
  }
  const head = Buffer.alloc(10);
  head.set([0x81, 0x80 | 127]);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
