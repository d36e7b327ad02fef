import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigError, type ReadConfig, Reloader } from '../../src/config/index.js';
import { type Logger, Metrics, systemClock } from '../../src/lib/index.js';
import { until } from '../until.js';
import { load } from './fixture.js';

/** A reloader whose file is read when the test says so. */
async function setUp() {
  const config = await load('tasks: []\n');
  const loaded: ReadConfig = { config, catalog: { plugins: new Map() } };
  const reads: { give: (loaded: ReadConfig) => void; fail: (error: unknown) => void }[] = [];
  const logged: string[] = [];
  const line = (first: string | object, second?: string) => void logged.push(second ?? String(first));
  const log: Logger = { debug: line, info: line, warn: line, error: line, child: () => log };
  const metrics = new Metrics();
  const parts = { apply: async (_: ReadConfig): Promise<void> => {} };
  const reloader = new Reloader({
    read: (signal) =>
      new Promise((give, fail) => {
        reads.push({ give, fail });
        signal.addEventListener('abort', () => fail(signal.reason));
      }),
    apply: (next) => parts.apply(next),
    clock: systemClock,
    log,
    metrics,
  });
  return { loaded, reads, logged, metrics, parts, reloader };
}

test('reloads come one after another, and those that are asked for meanwhile are one', async () => {
  const { loaded, reads, reloader, metrics } = await setUp();
  const first = reloader.reload();
  const [second, third] = [reloader.reload(), reloader.reload()];
  assert.equal(reads.length, 1);
  reads[0]!.give(loaded);
  assert.deepEqual(await first, { ok: true });
  await until('the next', () => reads.length === 2);
  const fourth = reloader.reload();
  reads[1]!.give(loaded);
  assert.deepEqual(await Promise.all([second, third]), [{ ok: true }, { ok: true }]);
  await until('the one after', () => reads.length === 3);
  reads[2]!.give(loaded);
  await fourth;
  assert.match(metrics.render(), /sentinel_config_reloads_total\{result="success"\} 3\n/);
});

test('a bad file changes nothing, and is told in the log, the answer and the metrics', async () => {
  const { loaded, reads, reloader, metrics, logged, parts } = await setUp();
  let applied = 0;
  parts.apply = async () => void applied++;
  assert.equal(metrics.value('sentinel_config_last_reload_successful'), 1);
  const lines = Array.from({ length: 60 }, (_, i) => `c.yaml:${i}:1: wrong`);
  const failed = reloader.reload();
  reads[0]!.fail(new ConfigError(lines));
  assert.deepEqual(await failed, { ok: false, lines });
  assert.equal(applied, 0);
  assert.equal(metrics.value('sentinel_config_last_reload_successful'), 0);
  assert.deepEqual(logged.slice(0, 2), [
    'Configuration not reloaded, the old one goes on',
    'c.yaml:0:1: wrong',
  ]);
  assert.match(logged.at(-1)!, /^10 more faults/);
  const before = metrics.value('sentinel_config_last_reload_success_timestamp_seconds')!;
  await until('time to pass', () => systemClock.now() / 1000 > before);
  const good = reloader.reload();
  reads[1]!.give(loaded);
  assert.deepEqual(await good, { ok: true });
  assert.equal(metrics.value('sentinel_config_last_reload_successful'), 1);
  assert.ok(metrics.value('sentinel_config_last_reload_success_timestamp_seconds')! > before);
  assert.equal(logged.at(-1), 'Configuration reloaded');
});

test('a fault of our own is an internal error, and the next reload works', async () => {
  const { loaded, reads, reloader, parts } = await setUp();
  parts.apply = async () => {
    throw new TypeError('oops');
  };
  const broken = reloader.reload();
  reads[0]!.give(loaded);
  assert.deepEqual(await broken, { ok: false, lines: ['internal error: oops'] });
  parts.apply = async () => {};
  const next = reloader.reload();
  reads[1]!.give(loaded);
  assert.deepEqual(await next, { ok: true });
});

test('a stop breaks off the reading, and waits for what is being applied', async () => {
  const reading = await setUp();
  const brokenOff = reading.reloader.reload();
  const waiting = reading.reloader.reload();
  await reading.reloader.close();
  assert.deepEqual([(await brokenOff).ok, (await waiting).ok], [false, false]);
  assert.deepEqual(reading.logged, [], 'that is no fault of the file');

  const applying = await setUp();
  let end = (): void => {};
  applying.parts.apply = () =>
    new Promise((resolve) => {
      end = resolve;
    });
  const applied = applying.reloader.reload();
  applying.reads[0]!.give(applying.loaded);
  await new Promise((resolve) => setImmediate(resolve));
  let closed = false;
  const closing = applying.reloader.close().then(() => {
    closed = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed, false);
  end();
  assert.deepEqual(await applied, { ok: true });
  await closing;
});
