// Runs in every document before its own scripts, with SENDS = { audio, video } in front of it. It keeps hold of the
// page's peer connections, and tells what they decode: `althingStats()`. It knows nothing of the page but the standards.

if (window !== window.top) return;

/** Between two looks for the first picture; and once it is late, as where nobody sends any. */
const LOOK_MS = 50;
const LATE_LOOK_MS = 1000;
const LATE_MS = 60_000;

let joined = null;
let first = null;
let looking = false;
const connections = [];

const wrap = (name, made) => {
  const Native = window[name];
  if (!Native) return;
  window[name] = new Proxy(Native, {
    construct(target, args, newTarget) {
      const instance = Reflect.construct(target, args, newTarget);
      made(instance);
      return instance;
    },
  });
};

// who is in a room is told so with this status, over whatever transport (XEP-0045 7.2.2)
const read = (text) => {
  if (joined === null && typeof text === 'string' && /<status\b[^>]*\bcode=["']110["']/.test(text)) joined = performance.now();
};

wrap('WebSocket', (socket) => socket.addEventListener('message', (event) => read(event.data)));
wrap('XMLHttpRequest', (request) =>
  request.addEventListener('load', () => {
    if (['', 'text'].includes(request.responseType)) read(request.responseText);
  }),
);
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection']) wrap(name, (pc) => watch(pc));

function watch(pc) {
  const connection = { pc, streams: new Map(), ended: 0, over: false };
  connections.push(connection);
  const close = pc.close.bind(pc);
  pc.close = () => {
    // what it counted is asked for while it is there
    void look(connection);
    close();
  };
  if (!looking && first === null) {
    looking = true;
    void lookForPicture();
  }
}

async function lookForPicture() {
  while (first === null) {
    await Promise.all(connections.map(look));
    const pause = performance.now() < LATE_MS ? LOOK_MS : LATE_LOOK_MS;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function look(connection) {
  if (connection.over) return;
  const { connectionState } = connection.pc;
  const report = await connection.pc.getStats().catch(() => undefined);
  const at = performance.now();
  if (connectionState === 'connected') joined ??= at;
  report?.forEach((entry) => {
    if (entry.type === 'inbound-rtp') take(connection, entry, at);
  });
  connection.over ||= connectionState === 'closed';
}

function take(connection, entry, at) {
  let stream = connection.streams.get(entry.id);
  if (stream && (entry.packetsReceived ?? 0) < stream.received) {
    // another stream in its place
    connection.streams.set(`${entry.id} ${(connection.ended += 1)}`, stream);
    stream = undefined;
  }
  stream ??= { first: null, told: 0 };
  connection.streams.set(entry.id, stream);
  stream.received = entry.packetsReceived ?? 0;
  stream.lost = Math.max(0, entry.packetsLost ?? 0);
  if (entry.kind !== 'video') return;
  stream.frames = entry.framesDecoded ?? 0;
  stream.freezes = entry.freezeCount ?? 0;
  stream.frozen = entry.totalFreezesDuration ?? 0;
  stream.jitter = entry.jitter ?? 0;
  if (stream.frames > 0) {
    stream.first ??= at;
    first ??= at;
  }
  stream.until = at;
}

window.althingStats = async () => {
  await Promise.all(connections.map(look));
  const all = connections.flatMap((connection) => [...connection.streams.values()]);
  const seen = all.filter((stream) => stream.first !== null);
  const sum = (streams, value) => streams.reduce((total, stream) => total + (value(stream) ?? 0), 0);
  const decoding = seen.filter((stream) => stream.frames > stream.told).length;
  for (const stream of seen) stream.told = stream.frames;
  return {
    document: performance.timeOrigin,
    at: performance.now(),
    joined,
    first,
    decoding,
    jitter: Math.max(0, ...seen.map((stream) => stream.jitter)),
    streams: seen.length,
    frames: sum(seen, (stream) => stream.frames),
    freezes: sum(seen, (stream) => stream.freezes),
    frozen: sum(seen, (stream) => stream.frozen),
    seconds: sum(seen, (stream) => stream.until - stream.first) / 1000,
    lost: sum(all, (stream) => stream.lost),
    received: sum(all, (stream) => stream.received),
  };
};

// who does not send has no such device
const devices = navigator.mediaDevices;
if (devices && !(SENDS.audio && SENDS.video)) {
  const open = devices.getUserMedia.bind(devices);
  const list = devices.enumerateDevices.bind(devices);
  const lacks = (wanted) => (wanted.audio && !SENDS.audio) || (wanted.video && !SENDS.video);
  const has = (device) => !(device.kind === 'audioinput' && !SENDS.audio) && !(device.kind === 'videoinput' && !SENDS.video);
  devices.getUserMedia = (wanted = {}) =>
    lacks(wanted) ? Promise.reject(new DOMException('Requested device not found', 'NotFoundError')) : open(wanted);
  devices.enumerateDevices = async () => (await list()).filter(has);
}
