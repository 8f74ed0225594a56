import { readFileSync } from 'node:fs';

/** What a process took so far, as the operating system counts it: all threads, not its children. */
export interface Usage {
  cpuSeconds: number;
  /** now; what the kernel keeps for its sockets is not in it */
  residentBytes: number;
}

export function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // proc(5): utime and stime are fields 14 and 15 of the whole line, in ticks of 10 ms on Linux
  const ticks = Number(fields[11]) + Number(fields[12]);
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { cpuSeconds: ticks / 100, residentBytes: Number(resident?.[1] ?? 0) * 1024 };
}

/** Of several processes together. */
export function usageOf(pids: number[]): Usage {
  const all = pids.map(usage);
  const sum = (pick: (one: Usage) => number): number => all.reduce((total, one) => total + pick(one), 0);
  return { cpuSeconds: sum((one) => one.cpuSeconds), residentBytes: sum((one) => one.residentBytes) };
}
