// A shard for routers: says 200 to every request, and sends back every message of a WebSocket (RFC 6455).
// A process of its own, so that what it takes is nobody else's. Arguments: the ports of loopback that it listens on.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

for (const port of process.argv.slice(2)) {
  const server = createServer((_request, response) => response.end('ok'));
  server.on('upgrade', (request, socket) => {
    const key = createHash('sha1').update(`${request.headers['sec-websocket-key']}${GUID}`).digest('base64');
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.write(`${head.join('\r\n')}\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    echo(socket);
  });
  server.listen(Number(port), '127.0.0.1');
}

/** Messages of up to 125 bytes, each in one frame: the mask of a client is taken off, a server has none. */
function echo(socket) {
  let waiting = Buffer.alloc(0);
  socket.on('data', (data) => {
    waiting = waiting.length > 0 ? Buffer.concat([waiting, data]) : data;
    while (waiting.length >= 2 && waiting.length >= 6 + (waiting[1] & 0x7f)) {
      const length = waiting[1] & 0x7f;
      const frame = Buffer.alloc(2 + length);
      frame[0] = waiting[0];
      frame[1] = length;
      for (let at = 0; at < length; at += 1) frame[2 + at] = waiting[6 + at] ^ waiting[2 + (at & 3)];
      socket.write(frame);
      waiting = waiting.subarray(6 + length);
    }
  });
}
