import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

import type { Server } from '../support/server.ts';
import { pause } from '../support/wait.ts';

/** What a window of time cost the server, and what went through it. */
export interface Cost {
  /** of one core */
  serverCpuPercent: number;
  residentMiB: number;
  packetsReceivedPerSecond: number;
  packetsSentPerSecond: number;
  /** of all cores: near 0, the browsers were starved and the row says little */
  machineIdlePercent: number;
}

export async function measure(server: Server, windowS: number): Promise<Cost> {
  const [usage, packets, idle] = [server.usage(), await udpPackets(server), idleTicks()];
  const started = process.hrtime.bigint();
  await pause(windowS * 1_000);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const [usageAfter, packetsAfter] = [server.usage(), await udpPackets(server)];
  return {
    serverCpuPercent: ((usageAfter.cpuSeconds - usage.cpuSeconds) / seconds) * 100,
    residentMiB: usageAfter.residentBytes / 1024 / 1024,
    packetsReceivedPerSecond: (packetsAfter.received - packets.received) / seconds,
    packetsSentPerSecond: (packetsAfter.sent - packets.sent) / seconds,
    machineIdlePercent: ((idleTicks() - idle) / 100 / seconds / cpus().length) * 100,
  };
}

export function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `${cpus().length} x ${model}`;
}

/** Prints rows of cells under a head, in columns. */
export function table(head: string[], cells: string[][]): void {
  for (const line of rows(head, cells)) console.log(line);
}

/** The lines of a table, in columns. */
export function rows(head: string[], cells: string[][]): string[] {
  const widths = head.map((cell, column) => Math.max(cell.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]): string => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [head, widths.map((width) => '-'.repeat(width)), ...cells].map(line);
}

/** The value that this part of all values does not exceed. */
export function percentile(values: number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

/** The bridge's counters, as /metrics has them, under the names that Jitsi's own bridge uses. */
async function udpPackets(server: Server): Promise<{ received: number; sent: number }> {
  const text = await server.metrics();
  const sum = (name: RegExp): number =>
    [...text.matchAll(name)].reduce((total, match) => total + Number(match[1]), 0);
  return {
    received: sum(/^jitsi_jvb_packets_received_total(?:\{[^}]*\})? (\S+)$/gm),
    sent: sum(/^jitsi_jvb_packets_sent_total(?:\{[^}]*\})? (\S+)$/gm),
  };
}

/** Idle ticks of the whole machine so far: proc(5), fourth value of the first line. */
function idleTicks(): number {
  return Number(readFileSync('/proc/stat', 'utf8').split('\n')[0]!.split(/\s+/)[4]);
}
