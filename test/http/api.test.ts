import assert from 'node:assert/strict';
import test from 'node:test';
import type { HttpEdge } from '../../src/http/index.js';
import type { TaskStatus } from '../../src/probe/index.js';
import type { DestinationStatus } from '../../src/sender/index.js';
import { ManualClock } from '../manual-clock.js';
import { ask, viewWith, withEdge } from './kit.js';
import { destination, task } from './statuses.js';

const NOW = Date.UTC(2026, 0, 1, 0, 1);

async function dataOf(edge: HttpEdge, path: string): Promise<unknown> {
  const reply = await ask(edge, path);
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
  const { status, data } = JSON.parse(reply.body);
  assert.equal(status, 'success');
  return data;
}

test('/api/v1/destinations: lag, what is pending, and why', async () => {
  const destinations: DestinationStatus[] = [
    destination({ name: 'good' }),
    destination({
      name: 'bad',
      state: 'late',
      pendingSamples: 70,
      pendingBlocks: 2,
      pendingBytes: 900,
      oldestPendingMs: NOW - 150_000,
      pendingSinceMs: NOW - 140_000,
      lastSuccessMs: undefined,
      lastError: '503 wait',
    }),
    destination({ name: 'strange', oldestPendingMs: 1e18 }),
  ];
  const view = viewWith({ destinations: () => destinations });
  await withEdge({ view, clock: new ManualClock(NOW) }, async (edge) => {
    const [good, bad, strange] = (await dataOf(edge, '/api/v1/destinations')) as Record<string, unknown>[];
    assert.deepEqual(bad, {
      name: 'bad',
      url: 'http://vm:8428/api/v1/write',
      state: 'late',
      sent_samples: 10,
      failed_samples: 0,
      pending_samples: 70,
      pending_blocks: 2,
      pending_bytes: 900,
      oldest_pending: '2025-12-31T23:58:30.000Z',
      lag_seconds: 150,
      pending_since: '2025-12-31T23:58:40.000Z',
      last_success: null,
      last_error: '503 wait',
    });
    assert.deepEqual([good!.lag_seconds, good!.oldest_pending, good!.last_error], [0, null, null]);
    assert.deepEqual([strange!.lag_seconds, strange!.oldest_pending], [0, null]);
  });
});

test('/api/v1/tasks: the state of each, and the filter', async () => {
  const tasks: TaskStatus[] = [
    task('core-1', { ok: true }, NOW),
    task('core-2', { ok: false, reason: 'timeout' }, NOW),
    task('edge-1', { ok: true }, NOW - 3_600_000),
    task('edge-2', undefined, NOW),
    { ...task('edge-3', { ok: true }, NOW), problem: 'its plugin did not load' },
  ];
  const view = viewWith({ tasks: () => tasks });
  await withEdge({ view, clock: new ManualClock(NOW) }, async (edge) => {
    const f = async (query: string, want: string) => {
      const found = (await dataOf(edge, `/api/v1/tasks${query}`)) as { id: string; state: string }[];
      assert.equal(found.map(({ id, state }) => `${id} ${state}`).join(', '), want, query);
    };
    await f('', 'core-1 ok, core-2 failed, edge-1 late, edge-2 waiting, edge-3 blocked');
    await f('?state=failed', 'core-2 failed');
    await f('?state=', 'core-1 ok, core-2 failed, edge-1 late, edge-2 waiting, edge-3 blocked');
    await f('?state=nothing', '');
    await f('?q=CORE', 'core-1 ok, core-2 failed');
    await f('?q=timeout', 'core-2 failed');
    await f('?q=+edge+&state=late', 'edge-1 late');
    await f('?q=host-core-1', 'core-1 ok');
    await f('?q=hunter2', '');
    await f('?q=%zz&x=%ff', '');
  });
});

test('/api/v1/status/*: configuration, build, runtime', async () => {
  const view = viewWith({
    hosts: () => [
      { lane: 'ping', pid: 4711, tasks: 3, restarts: 1, loopDelayMs: 12 },
      { lane: 'probe', pid: undefined, tasks: 2, restarts: 9, loopDelayMs: 0 },
    ],
    ready: () => ({ ready: false, reasons: ['destination bad'] }),
  });
  await withEdge({ view, clock: new ManualClock(NOW) }, async (edge) => {
    assert.deepEqual(await dataOf(edge, '/api/v1/status/config'), { yaml: 'sentinel: {}\n' });
    const build = (await dataOf(edge, '/api/v1/status/buildinfo')) as Record<string, unknown>;
    assert.deepEqual([build.node, build.platform], [process.version, process.platform]);
    const runtime = (await dataOf(edge, '/api/v1/status/runtimeinfo')) as Record<string, unknown>;
    assert.ok(Number(runtime.resident_memory_bytes) > 10 ** 7);
    const { resident_memory_bytes, heap_used_bytes, external_memory_bytes, ...rest } = runtime;
    assert.deepEqual(rest, {
      name: 'agent1',
      pid: process.pid,
      start_time: '2026-01-01T00:00:00.000Z',
      uptime_seconds: 60,
      config_file: '/etc/sentinel/config.yaml',
      last_reload_successful: true,
      data_dir: '/var/lib/sentinel',
      loop_delay_seconds: 0.003,
      ready: false,
      not_ready_reasons: ['destination bad'],
      hosts: [
        { lane: 'ping', pid: 4711, tasks: 3, restarts: 1, loop_delay_seconds: 0.012 },
        { lane: 'probe', pid: null, tasks: 2, restarts: 9, loop_delay_seconds: 0 },
      ],
      buffer: { memory_bytes: 100, disk_bytes: 4096, disk_healthy: true },
    });
  });
});
