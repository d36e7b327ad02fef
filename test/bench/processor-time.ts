// What processes cost, from /proc.
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process and of all that descend from it, seconds. Of what has ended nothing is counted. */
export function processorSeconds(root: number): number {
  const processes = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const entry = Number.isInteger(pid) ? read(pid) : undefined;
    if (entry !== undefined) processes.set(pid, entry);
  }
  let ticks = 0;
  for (const [pid, entry] of processes) if (descends(processes, pid, root)) ticks += entry.ticks;
  return ticks / TICKS_PER_SECOND;
}

function descends(
  processes: ReadonlyMap<number, { parent: number }>,
  pid: number | undefined,
  root: number,
): boolean {
  for (let at = pid; at !== undefined; at = processes.get(at)?.parent) if (at === root) return true;
  return false;
}

function read(pid: number): { parent: number; ticks: number } | undefined {
  try {
    // Behind the name, which may hold anything in brackets: fields 3 and on (proc(5)); 4 is the parent, 14 utime, 15 stime.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined; // It has ended meanwhile.
  }
}

/** The one in the middle. */
export const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
