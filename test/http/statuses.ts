import type { LastResult, TaskStatus } from '../../src/probe/index.js';
import type { DestinationStatus } from '../../src/sender/index.js';

/** A destination that is well; `parts` replace what a test is about. */
export function destination(parts: Partial<DestinationStatus> = {}): DestinationStatus {
  return {
    name: 'vm',
    url: 'http://vm:8428/api/v1/write',
    state: 'ok',
    sentSamples: 10,
    failedSamples: 0,
    pendingSamples: 0,
    pendingBlocks: 0,
    pendingBytes: 0,
    oldestPendingMs: undefined,
    lastSuccessMs: Date.UTC(2026, 0, 1),
    lastError: undefined,
    pendingSinceMs: undefined,
    ...parts,
  };
}

/** A task with its last result, planned at `plannedMs`, or with none. Its target holds a secret. */
export function task(id: string, last: Partial<LastResult> | undefined, plannedMs: number): TaskStatus {
  return {
    task: {
      id,
      deviceId: `host-${id}`,
      target: 'http://192.0.2.1/?token=hunter2',
      plugin: 'http',
      lane: 'probe',
      intervalMs: 60_000,
      timeoutMs: 10_000,
      labels: {},
      config: { password: 'hunter2' },
      baseDirectory: '/',
    },
    last:
      last === undefined
        ? undefined
        : {
            plannedMs,
            startedMs: plannedMs,
            durationSeconds: 0.1,
            ok: true,
            reason: undefined,
            evidence: undefined,
            samples: 3,
            values: {},
            ...last,
          },
    runs: 1,
    failures: 0,
    skipped: 0,
    missed: 0,
    aborted: 0,
    problem: undefined,
  };
}
