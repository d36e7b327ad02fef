import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Clock, type Logger, Metrics, systemClock } from '../../src/lib/index.js';
import { FLAG_STALE, labelValue } from '../../src/model/index.js';
import { HOST_LIMITS, type HostLimits } from '../../src/probe/host-limits.js';
import { loadPlugins, type PluginCatalog, Probes, type Task } from '../../src/probe/index.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';

interface Seen {
  task: string;
  name: string;
  value: number;
  timeMs: number;
  stale: boolean;
}

/** The probe stage on its real processes, with all that it gave and logged. `copies` are plugins like `rogue` under other names. */
export async function probesOf(
  t: TestContext,
  options: { limits?: Partial<HostLimits>; copies?: readonly string[]; lane?: string; clock?: Clock } = {},
) {
  const directory = copyPluginFixtures('lanes');
  t.after(() => rmSync(directory, { recursive: true }));
  for (const name of options.copies ?? [])
    cpSync(join(directory, 'rogue'), join(directory, name), { recursive: true });
  const catalog = await catalogOf(directory, options.lane);
  const seen: Seen[] = [];
  const lines: string[] = [];
  const logOf = (bound: object): Logger => {
    const line = (first: string | object, second?: string) => {
      const [fields, message] = typeof first === 'string' ? [{}, first] : [first, second];
      lines.push(`${message} ${JSON.stringify({ ...bound, ...fields })}`);
    };
    return {
      debug: line,
      info: line,
      warn: line,
      error: line,
      child: (more) => logOf({ ...bound, ...more }),
    };
  };
  const log = logOf({});
  const metrics = new Metrics();
  const probes = new Probes({
    clock: options.clock ?? systemClock,
    log,
    metrics,
    catalog,
    agent: { name: 'agent1', region: '', labels: {} },
    hostConfig: {},
    limits: { ...HOST_LIMITS, ...options.limits },
    next: (batch) => {
      for (let i = 0; i < batch.length; i++) {
        const labels = batch.table.labels(batch.refs[i]!);
        seen.push({
          task: labelValue(labels, 'task'),
          name: labelValue(labels, '__name__'),
          value: batch.values[i]!,
          timeMs: batch.timestamps[i]!,
          stale: batch.flags[i] === FLAG_STALE,
        });
      }
      return 'taken';
    },
  });
  t.after(() => probes.stop());
  const of = (id: string, name = 'probe_success') =>
    seen.filter((sample) => sample.task === id && sample.name === name);
  const status = (id: string) => {
    const found = probes.statuses().find(({ task }) => task.id === id);
    assert.ok(found, id);
    return found;
  };
  return { probes, seen, lines, metrics, of, status };
}

/** The plugins of a folder, all in one `lane` when it is given. */
async function catalogOf(directory: string, lane: string | undefined): Promise<PluginCatalog> {
  const { plugins, problems } = await loadPlugins([directory]);
  assert.deepEqual(problems, []);
  if (lane === undefined) return { plugins, problems };
  return { plugins: new Map([...plugins].map(([name, plugin]) => [name, { ...plugin, lane }])), problems };
}

/** A task of a fixture plugin. */
export const taskOf = (
  id: string,
  plugin: string,
  config: Record<string, unknown> = {},
  intervalMs = 200,
): Task => ({
  id,
  deviceId: 'd',
  target: 'x',
  plugin,
  lane: plugin,
  intervalMs,
  timeoutMs: intervalMs,
  labels: {},
  config: { target: 'x', ...config },
  baseDirectory: '/',
});
