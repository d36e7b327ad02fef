import assert from 'node:assert/strict';
import test from 'node:test';
import { phaseOf } from '../../src/scrape/phase.js';
import type { ScrapeConfig } from '../../src/scrape/scrape-config.js';
import type { Target } from '../../src/scrape/target.js';
import { scrapeConfig } from './scrape-config.js';

const targets = (count: number, config: ScrapeConfig): Target[] =>
  Array.from({ length: count }, (_, i) => ({
    key: `target ${i}`,
    seriesKey: '',
    labels: [],
    discoveredLabels: [],
    url: '',
    socketPath: undefined,
    config,
  }));

const phases = (count: number, more: Partial<ScrapeConfig>, seed = 'an agent') =>
  targets(count, scrapeConfig(more)).map((target) => phaseOf(target, seed));

/** How many there are of each, most first. */
function counts(values: readonly number[]): number[] {
  const known = new Map<number, number>();
  for (const value of values) known.set(value, (known.get(value) ?? 0) + 1);
  return [...known.values()].sort((a, b) => b - a);
}

test('phases lie 100 ms apart, or a fiftieth of a short interval, and targets are spread over them', () => {
  for (const [intervalMs, slotMs, slots] of [
    [60_000, 100, 600],
    [10_000, 100, 100],
    [5000, 100, 50],
    [1000, 20, 50],
    [299, 5, 60],
    [30, 1, 30],
    [1, 1, 1],
  ] as const) {
    const all = phases(20 * slots, { intervalMs });
    assert.ok(
      all.every((phase) => phase % slotMs === 0 && phase < intervalMs),
      `${intervalMs}`,
    );
    const [most = 0, ...others] = counts(all);
    assert.equal(others.length + 1, slots, `${intervalMs}: slots`);
    assert.ok(most < 60, `${intervalMs}: ${most} in one slot, of 20 on average`);
  }
});

test('another agent scrapes at other times', () => {
  const [one, other] = [
    phases(1000, { intervalMs: 10_000 }),
    phases(1000, { intervalMs: 10_000 }, 'another'),
  ];
  const same = one.filter((phase, i) => phase === other[i]).length;
  assert.ok(same < 50, `${same} of 1000 at the same time, of 10 by chance`);
});

test('scrape_offset is exact, scrape_align_interval takes what lies on it', () => {
  assert.deepEqual(phases(3, { intervalMs: 10_000, offsetMs: 12_345 }), [2345, 2345, 2345]);
  assert.ok(phases(100, { intervalMs: 10_000, alignIntervalMs: 2000 }).every((phase) => phase % 2000 === 0));
  assert.equal(counts(phases(100, { intervalMs: 10_000, alignIntervalMs: 2000 })).length, 5);
});
