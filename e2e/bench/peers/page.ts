import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const [BEGIN, END] = ['<!-- bench peers: begin -->', '<!-- bench peers: end -->'];
const PACKAGES = ['prosody', 'haproxy', 'nats-server', 'wrk', 'janus'];

/** What was measured, and on what. */
export interface Run {
  machine: string;
  repeats: number;
  tables: string[][];
}

/** The section of the document. */
export function section({ machine, repeats, tables }: Run): string {
  return [
    '## Beside the stock parts',
    '',
    ...method(machine, repeats),
    '',
    ...tables.flatMap((table) => [...table, '']),
  ].join('\n');
}

/** Puts it between its marks, or at the end of a document that has none yet. */
export function keep(file: string, section: string): void {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const marked = `${BEGIN}\n${section}\n${END}`;
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  const isMarked = from >= 0 && to > from;
  writeFileSync(file, isMarked ? text.slice(0, from) + marked + text.slice(to + END.length) : `${text}\n${marked}\n`);
}

function method(machine: string, repeats: number): string[] {
  const day = new Date().toISOString().slice(0, 10);
  return [
    `\`cargo xtask bench peers\`, ${day}, ${machine}, loopback, no TLS; servers and load share the machine.`,
    `${versions()}.`,
    '',
    `The stock part and ours do the same work in turns, ${repeats} each, with fresh processes for each turn. A ratio is`,
    'Althing over the stock part, of medians; beside each median stand the least and the greatest. CPU is user and system',
    'time of the processes under test, read from the operating system, the load not included; memory is what became',
    'resident, without what the kernel keeps for sockets.',
    '',
    '- Signalling: `althing load --media none --focus none`, 100 joins a second, stream management on, after ten others have',
    '  come and gone. CPU counts until the last one is in. A stock Prosody has no focus, so ours has no bridge and invites',
    '  nobody: router, shard and engine (one NATS server, which keeps every entry) count together against one Prosody with',
    "  its rooms in memory and its garbage collector set as large Jitsi installations have it; with Prosody's own setting it",
    '  takes several times the CPU. A presence counts once for each who gets it, the CPU of the logins is in it. What a server',
    '  without anybody takes is in the CPU of sessions at rest.',
    '- Router: two shards behind it, a thousand rooms, each kept at its shard: HAProxy by a stick table of `room`, ours in its',
    '  mode for stock shards. Both keep some connections to the shards open. Requests: wrk, 32 connections, as many as go',
    '  through. Messages: 200 WebSockets, each with one of 120 bytes under way, there and back counted as two. Sockets at rest',
    '  have had one message each.',
    '- Bridge: the media side of `althing load --video 180 --media video` on both sides: everybody who sends has one VP8',
    "  stream of 180 lines and Opus, nobody's silence is left out, and everybody is sent all of the others. With Janus'",
    '  VideoRoom each participant publishes over one connection and watches all others over a second one; with ours it has',
    '  one for both, and a bridge channel. CPU is of the one process that forwards, over the seconds that begin five after',
    '  the last join, its signalling included for Janus, which says next to nothing then. Delivered is what participants',
    '  received in the same seconds, whole packets of media without retransmissions; bytes are those of RTP payloads. Loss is',
    '  of the whole run. The delay is from the making of a packet to its arrival, the 99th percentile of each second, the',
    '  median second of them. Both encrypt with AES-GCM, and media take the loopback path.',
  ];
}

/** Of Debian's packages, and of ours the commit. */
function versions(): string {
  const packaged = PACKAGES.map((name) => `${name} ${answer('dpkg-query', ['-W', '-f', '${Version}', name])}`);
  return `Althing at ${answer('git', ['rev-parse', '--short', 'HEAD'])}; ${packaged.join(', ')}`;
}

function answer(program: string, args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'of unknown version';
  }
}
