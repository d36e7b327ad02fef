import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { DiscoveryConfig } from '../../src/discovery/index.js';
import { until } from '../until.js';
import { Rig, type RigOptions } from './rig.js';

/** The place that an entry asks, as a test can change it. */
export interface World {
  config: DiscoveryConfig;
  options?: RigOptions;
  /** From now on there are these targets, all of them `host:port`. */
  set(targets: readonly string[]): void;
  /** From now on nobody gets a good answer. */
  spoil(): void;
}

/** What every kind of discovery that is asked again and again must do. `create` starts with no targets, asked every 50 ms or so. */
export function discoveryContract(kind: string, create: (t: TestContext) => Promise<World>): void {
  const start = async (t: TestContext, targets: readonly string[]) => {
    const world = await create(t);
    world.set(targets);
    const rig = new Rig(t, world.options);
    rig.apply({ 'scrape/a': [world.config] });
    await rig.untilTargets(targets.join(' '));
    return { world, rig };
  };

  test(`${kind}: targets come, change and go`, async (t) => {
    const { world, rig } = await start(t, ['10.0.0.1:1']);
    world.set(['10.0.0.1:1', '10.0.0.2:1']);
    await rig.untilTargets('10.0.0.1:1 10.0.0.2:1');
    world.set(['10.0.0.2:1']);
    await rig.untilTargets('10.0.0.2:1');
    world.set([]);
    await rig.untilTargets('');
  });

  test(`${kind}: an answer like the one before is no event`, async (t) => {
    const { rig } = await start(t, ['10.0.0.1:1']);
    await rig.askedAgain(3);
    assert.deepEqual(rig.events['scrape/a'], ['', '10.0.0.1:1']);
  });

  test(`${kind}: without a good answer the last one stays, and the status says why`, async (t) => {
    const { world, rig } = await start(t, ['10.0.0.1:1']);
    const good = rig.discoveries.statuses('scrape/a')[0]!;
    assert(good.lastSuccessMs! <= Date.now() && good.lastSuccessMs! > Date.now() - 60_000);
    world.spoil();
    await rig.askedAgain(3);
    assert.equal(rig.targets(), '10.0.0.1:1');
    const bad = rig.discoveries.statuses('scrape/a')[0]!;
    assert.notEqual(bad.lastError, undefined);
    assert.equal(bad.targets, 1);
    assert.equal(bad.kind, world.config.kind);
    assert(rig.sum('sentinel_discovery_failures_total') >= 1);
    assert.equal(rig.sum('sentinel_discovery_failing_entries'), 1);
    assert.match(rig.logged.join(''), /the last good targets stay/);

    world.set(['10.0.0.3:1']);
    await rig.untilTargets('10.0.0.3:1');
    await until('no error', () => rig.error() === '');
    await until('the metric', () => rig.sum('sentinel_discovery_failing_entries') === 0);
    assert.match(rig.logged.join(''), /discovery works again/);
  });

  test(`${kind}: an entry that has no good answer at first has no targets, and comes when it has one`, async (t) => {
    const world = await create(t);
    world.spoil();
    const rig = new Rig(t, world.options);
    rig.apply({ 'scrape/a': [world.config] });
    await rig.askedAgain(2);
    assert.deepEqual(rig.events['scrape/a'], ['']);
    assert.equal(rig.discoveries.statuses('scrape/a')[0]!.lastSuccessMs, undefined);
    world.set(['10.0.0.1:1']);
    await rig.untilTargets('10.0.0.1:1');
  });

  test(`${kind}: owners share an entry; one that leaves is not told any more`, async (t) => {
    const { world, rig } = await start(t, ['10.0.0.1:1']);
    rig.apply({ 'scrape/a': [world.config], 'scrape/b': [{ ...world.config }] });
    assert.equal(rig.targets('scrape/b'), '10.0.0.1:1');
    world.set(['10.0.0.2:1']);
    await rig.untilTargets('10.0.0.2:1', 'scrape/b');
    await rig.untilTargets('10.0.0.2:1', 'scrape/a');
    rig.apply({ 'scrape/b': [world.config] });
    const before = rig.events['scrape/a']!.length;
    world.set(['10.0.0.3:1']);
    await rig.untilTargets('10.0.0.3:1', 'scrape/b');
    assert.equal(rig.events['scrape/a']!.length, before);
    assert.deepEqual(rig.discoveries.statuses('scrape/a'), []);
    assert.doesNotMatch(rig.metrics.render(), /scrape\/a/);
  });

  test(`${kind}: asked in another way, it goes on with its targets`, async (t) => {
    const { world, rig } = await start(t, ['10.0.0.1:1']);
    world.spoil();
    const config = { ...world.config, refreshMs: 70 } as DiscoveryConfig;
    rig.apply({ 'scrape/a': [config] });
    assert.equal(rig.targets(), '10.0.0.1:1');
    await rig.askedAgain(2);
    assert.equal(rig.targets(), '10.0.0.1:1');
    assert.notEqual(rig.error(), '');
  });
}
