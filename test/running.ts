import { readFileSync } from 'node:fs';

/** What the kernel says of a process: the text of /proc/PID/status, or `undefined` when it is gone. */
export function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined;
  }
}

/** Whether a process runs; one that only waits for its parent to hear of its end does not. */
export function isRunning(pid: number): boolean {
  const status = statusOf(pid);
  return status !== undefined && !/^State:\tZ/m.test(status);
}
