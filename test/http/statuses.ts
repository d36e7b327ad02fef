import type { DiscoveryStatus } from '../../src/discovery/index.js';
import { labelsOf } from '../../src/model/index.js';
import type { LastResult, TaskStatus } from '../../src/probe/index.js';
import type { DroppedTarget, PoolStatus, TargetStatus } from '../../src/scrape/index.js';
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

/** A task with its last result, planned at `plannedMs`, or one that came then and has none. Its target holds a secret. */
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
    lane: 'probe',
    sinceMs: plannedMs,
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

/** A target of the job `node` that is up; `parts` replace what a test is about. */
export function target(address: string, parts: Partial<TargetStatus> = {}): TargetStatus {
  return {
    pool: 'node',
    labels: labelsOf({ instance: address, job: 'node' }),
    discoveredLabels: labelsOf({ __address__: address, job: 'node' }),
    url: `http://${address}/metrics`,
    health: 'up',
    lastError: '',
    lastScrapeMs: Date.UTC(2026, 0, 1),
    lastDurationMs: 12.5,
    lastSamples: 7,
    series: 9,
    intervalMs: 15_000,
    timeoutMs: 10_000,
    ...parts,
  };
}

/** A target of which nothing comes. */
export function droppedTarget(address: string, parts: Partial<DroppedTarget> = {}): DroppedTarget {
  return { discoveredLabels: labelsOf({ __address__: address }), reason: 'relabel', detail: '', ...parts };
}

/** The parts of a job that a test is about, as lists. */
interface PoolParts extends Partial<Omit<PoolStatus, 'active' | 'discovery'>> {
  active?: readonly TargetStatus[];
  discovery?: readonly DiscoveryStatus[];
}

/** A job with these targets. */
export function pool(
  job: string,
  { active = [], discovery = [], dropped = [], ...parts }: PoolParts = {},
): PoolStatus {
  const targets = active.map((status) => ({ health: status.health, status: () => status }));
  const droppedCounts = { relabel: 0, cluster: 0, duplicate: 0, invalid: 0 };
  for (const { reason } of dropped) droppedCounts[reason]++;
  return {
    job,
    active: () => targets,
    dropped,
    droppedCount: dropped.length,
    droppedCounts,
    discovery: () => discovery,
    relabel: [],
    ...parts,
  };
}
