import { readFileSync } from 'node:fs';

/**
 * How long the main thread of a process has been ready to run without a processor so far, ms (proc(5), schedstat): what others on the machine took from it,
 * and no fault of its own. 0 where the kernel does not say, or the process is gone.
 */
export function waitedMs(pid: number): number {
  try {
    const [, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ');
    return Number(waitedNs) / 1e6;
  } catch {
    return 0;
  }
}
