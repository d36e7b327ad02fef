import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { HostLimits } from '../../src/probe/host-limits.js';
import { temporaryFolder } from '../e2e/sentinel.js';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { probesOf, taskOf } from './watched-probes.js';

const MIB = 2 ** 20;
/** Less patience than in service, so that the tests are short. */
const LIMITS: Partial<HostLimits> = {
  silenceMs: 1500,
  maxRssBytes: 200 * MIB,
  stuckMs: 1000,
  deaths: 3,
  setAsideMs: 2000,
};

/** Resident pages of Node's own file, at most; every process shares them. */
const PROGRAM_MIB = 60;

/** The most memory that a process had so far; 0 when it is gone. */
function peakMiB(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0; // It died between two looks.
  }
}

/** Twenty tasks at 1 s, beside tasks of plugins that misbehave in these ways, each in a lane of its own name. */
async function besideTwenty(t: TestContext, ways: readonly string[], limits = LIMITS) {
  const watched = await probesOf(t, { limits, copies: ways });
  const steady = Array.from({ length: 20 }, (_, i) => taskOf(`good${i}`, 'steady', {}, 1000));
  watched.probes.apply([
    ...steady,
    ...ways.map((way) => taskOf(way, way, { way, after: way === 'never' ? 1 : 0 }, 500)),
  ]);
  const { of, status } = watched;
  /** Fails when one of the twenty missed a tick. */
  const assertNothingMissed = async () => {
    const runs = of('good0').length;
    await until(
      'two more ticks',
      () => steady.every(({ id }) => of(id).length >= Math.max(runs + 2, 6)),
      15_000,
    );
    for (const { id } of steady) {
      const stamps = of(id).map(({ timeMs }) => timeMs);
      const gaps = stamps.slice(2).map((stamp, i) => stamp - stamps[i + 1]!);
      assert.deepEqual(gaps, new Array(gaps.length).fill(1000), id);
      const { skipped, missed, aborted, failures } = status(id);
      assert.deepEqual(
        { skipped, missed, aborted, failures },
        { skipped: 0, missed: 0, aborted: 0, failures: 0 },
      );
    }
  };
  return { ...watched, assertNothingMissed };
}

test('plugins that end their process in one way or the other: set aside one by one, and the twenty miss nothing', async (t) => {
  const ways = ['timer', 'rejection', 'exit', 'garbage'];
  const { status, of, lines, metrics, assertNothingMissed } = await besideTwenty(t, ways);
  const problems = () => ways.map((way) => status(way).problem ?? '');
  await until(
    'all to be set aside',
    () => problems().every((text) => text.includes('is set aside until')),
    30_000,
  );
  assert.match(problems()[0]!, /it exited with code 1 \(Error: thrown in a timer\)$/);
  assert.match(problems()[1]!, /it exited with code 1 \(Error: nobody handles this\)$/);
  assert.match(problems()[2]!, /it exited with code 0$/);
  assert.match(problems()[3]!, /it sent what is no message/);
  assert.match(metrics.render(), /sentinel_probe_plugins_set_aside 4/);
  assert.match(metrics.render(), /sentinel_probe_host_restarts_total\{lane="exit"\} 3/);
  assert.ok(lines.some((line) => /probe host died: it exited with code 0 .*"running":\["exit"\]/.test(line)));
  assert.ok(status('exit').aborted >= 3, 'each run that ended its host is counted');
  assert.deepEqual(of('exit'), [], 'no sample of a run that had no result');
  await until(
    'the first to be tried again',
    () => lines.some((line) => line.includes('Plugin is tried again')),
    15_000,
  );
  await until(
    'its next death to count at once',
    () => lines.filter((line) => line.includes('Plugin set aside')).length >= 5,
    15_000,
  );
  await assertNothingMissed();
});

test('plugins that take all memory, all processor time, or print without end: killed, and the twenty miss nothing', async (t) => {
  const ways = ['spin', 'heap', 'buffers', 'prints'];
  const { lines, metrics, assertNothingMissed } = await besideTwenty(t, ways);
  const said = (lane: string, text: RegExp) =>
    until(
      `${lane} to be killed`,
      () => lines.find((line) => line.includes(`"lane":"${lane}"`) && text.test(line)),
      30_000,
    );
  await Promise.all([
    said('spin', /probe host gave no heartbeat for \d s; killing it .*"running":\["spin"\]/),
    said(
      'heap',
      /probe host (grew to 2\d\d MiB; 200 MiB is the most; killing it|died: it was ended by SIG(ABRT|TRAP) .*heap)/,
    ),
    said('buffers', /probe host grew to \d+ MiB; 200 MiB is the most; killing it/),
    said('prints', /logged or printed more than is written/),
  ]);
  const printed = lines.filter((line) => line.includes('probe host printed: flood'));
  assert.ok(printed.length < 20 * 30, `${printed.length} lines were logged`);
  assert.match(metrics.render(), /sentinel_probe_host_lines_dropped_total\{lane="prints"\} [1-9]/);
  await assertNothingMissed();
});

test('a plugin that takes Buffers as fast as it can: five quarters of the limit is all that its host ever gets', async (t) => {
  const { probes, status, lines } = await probesOf(t, { limits: LIMITS });
  await probes.apply([taskOf('hoard', 'rogue', { way: 'hoard' }, 500)]);
  let mostMiB = 0;
  await until(
    'the plugin to be set aside',
    () => {
      mostMiB = Math.max(mostMiB, peakMiB(probes.hosts().get('rogue')));
      return status('hoard').problem?.includes('is set aside until');
    },
    30_000,
  );
  t.diagnostic(`most: ${Math.round(mostMiB)} MiB`);
  assert.ok(mostMiB > 150, `the host was seen growing: ${mostMiB} MiB`);
  assert.ok(mostMiB < 250 + PROGRAM_MIB, `${mostMiB} MiB`);
  const deaths = lines.filter((line) => line.includes('probe host died: it '));
  assert.ok(deaths.length >= 3);
  for (const line of deaths)
    assert.match(
      line,
      /it (grew to \d+ MiB; 200 MiB is the most|was ended by SIG(ABRT|SEGV|TRAP) at \d+ MiB)/,
    );
});

test('plugins that throw, reject, log without end, give too much or never return: a result that says so, no death, and the twenty miss nothing', async (t) => {
  const ways = ['throws', 'rejects', 'logs', 'samples', 'texts', 'never'];
  const limits = { ...LIMITS, maxRssBytes: 1024 * MIB, silenceMs: 10_000, stuckMs: 60_000 };
  const { status, of, lines, metrics, assertNothingMissed } = await besideTwenty(t, ways, limits);
  const evidence = (id: string) => until(`a result of ${id}`, () => status(id).last, 30_000);
  assert.match((await evidence('throws')).evidence!, /plugin throws: thrown at once/);
  assert.match((await evidence('rejects')).evidence!, /plugin rejects: rejected/);
  assert.match((await evidence('samples')).evidence!, /600000 samples, and 500000 is the most/);
  assert.match((await evidence('texts')).evidence!, /takes \d+ bytes, and 67108864 is the most/);
  assert.equal((await evidence('texts')).reason, 'too_large');
  assert.equal((await evidence('logs')).ok, true);
  await until('the run to be given up', () => status('never').last?.evidence?.includes('did not settle'));
  await until('lines to be dropped', () => /lines_dropped_total\{lane="logs"\} \d{5}/.test(metrics.render()));
  assert.ok(lines.filter((line) => line.startsWith('flood')).length <= 100 * 30);
  await assertNothingMissed();
  assert.ok(!lines.some((line) => line.includes('probe host died')));
  assert.equal(status('never').runs, 2, 'a run that goes on is not joined by another');
  assert.ok(status('never').skipped > 5);
  assert.match(status('never').problem!, /not run again until that ends/);
  assert.deepEqual(
    of('never').map(({ value }) => value),
    [1, 0],
  );
});

test('a host with a run that never ends is started again, without being held against the plugin', async (t) => {
  const { probes, status, lines } = await probesOf(t, { limits: LIMITS });
  await probes.apply([taskOf('stuck', 'rogue', { way: 'never', after: 1 }), taskOf('fine', 'rogue')]);
  await until(
    'the restart',
    () => lines.some((line) => line.includes('started again: a run in it has not ended')),
    20_000,
  );
  await until('two runs after it', () => status('stuck').runs >= 4, 20_000);
  assert.equal(status('fine').failures, 0);
  assert.ok(!lines.some((line) => line.includes('set aside')));
});

test('of the plugins that share a host, the one that kills it is found and set aside, and the others go on', async (t) => {
  const { probes, status, of, lines } = await probesOf(t, {
    limits: LIMITS,
    copies: ['bad'],
    lane: 'shared',
  });
  const task = (id: string, plugin: string, config = {}) => ({
    ...taskOf(id, plugin, config, 500),
    lane: 'shared',
  });
  await probes.apply([
    task('a', 'steady'),
    task('b', 'steady', { wait: '400ms' }),
    task('c', 'rogue'),
    task('culprit', 'bad', { way: 'exit', after: 1 }),
  ]);
  await until('the culprit to be set aside', () => status('culprit').problem?.includes('set aside'), 30_000);
  assert.ok(lines.some((line) => line.includes('each gets a host of its own')));
  assert.equal(status('culprit').lane, 'bad');
  for (const id of ['a', 'b', 'c']) {
    const before = of(id).length;
    await until(`results of ${id}`, () => of(id).length > before + 2, 15_000);
    assert.equal(status(id).problem, undefined);
    assert.equal(status(id).failures, 0);
  }
});

test('a host killed from outside, again and again: results within two seconds, no tick run twice, every tick counted', async (t) => {
  const ledger = join(temporaryFolder(t), 'ledger');
  const { probes, of, status, lines } = await probesOf(t, { limits: { deaths: 2 } });
  const ids = Array.from({ length: 20 }, (_, i) => `t${i}`);
  await probes.apply(ids.map((id) => taskOf(id, 'rogue', { ledger: `${ledger}-${id}` }, 1000)));
  await until('results of all', () => ids.every((id) => of(id).length >= 2), 15_000);
  for (let i = 0; i < 3; i++) {
    const before = new Map(ids.map((id) => [id, of(id).length]));
    const pid = await until('the host', () => probes.hosts().get('rogue'));
    process.kill(pid, 'SIGKILL');
    const killedAt = performance.now();
    await until('results of all', () => ids.every((id) => of(id).length > before.get(id)!), 10_000);
    assert.ok(performance.now() - killedAt < 2000, `${performance.now() - killedAt} ms`);
    await until('the host to have lived a while', () => performance.now() - killedAt > 2600);
  }
  await probes.stop();
  assert.ok(!lines.some((line) => line.includes('set aside')), 'nobody is to blame');
  for (const id of ids) {
    const begun = readFileSync(`${ledger}-${id}`, 'utf8').trim().split('\n').map(Number);
    assert.equal(new Set(begun).size, begun.length, 'no tick twice');
    const ticks = begun.slice(1);
    assert.ok(
      ticks.every((tick) => (tick - ticks[0]!) % 1000 === 0),
      `${id} keeps its phase: ${ticks}`,
    );
    const inAll = (ticks.at(-1)! - ticks[0]!) / 1000 + 1;
    assert.equal(ticks.length + status(id).missed, inAll, `${id}: each tick was begun or counted as missed`);
    assert.equal(
      status(id).runs + status(id).aborted,
      begun.length,
      `${id}: each begun run gave a result or is counted as aborted`,
    );
  }
});

test('an agent that was held itself does not blame its hosts for it', async (t) => {
  const { probes, of, lines } = await probesOf(t, { limits: { silenceMs: 2000 } });
  await probes.apply([taskOf('a', 'steady')]);
  await until('a result', () => of('a').length >= 2, 15_000);
  const pid = probes.hosts().get('steady');
  // As SIGSTOP, a frozen container, or a paused machine hold it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  const before = of('a').length;
  await until('results as before', () => of('a').length >= before + 10, 15_000);
  assert.equal(probes.hosts().get('steady'), pid);
  assert.deepEqual(
    lines.filter((line) => line.includes('killing it')),
    [],
  );
});

test('a task that came while its plugin was set aside has missed no tick of before', async (t) => {
  const clock = new ManualClock();
  const { probes, status } = await probesOf(t, { limits: { deaths: 1, setAsideMs: 600_000 }, clock });
  const old = taskOf('old', 'rogue', { way: 'exit' }, 1000);
  await probes.apply([old]);
  await until('the plugin to be set aside', () => status('old').problem?.includes('set aside'));
  await clock.advance(590_000);
  await probes.apply([old, taskOf('new', 'rogue', {}, 1000)]);
  await clock.advance(10_000);
  assert.equal(status('old').problem, undefined);
  assert.deepEqual([status('old').missed, status('new').missed], [600, 10]);
});
