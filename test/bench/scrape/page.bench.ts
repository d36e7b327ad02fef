// From the bytes of a page to a batch, and on to remote-write bytes. Run: node --expose-gc .build/test/bench/scrape/page.bench.js [series [targets]]
import { systemClock } from '../../../src/lib/index.js';
import type { Batch } from '../../../src/model/index.js';
import { SharedTexts, TargetSeries } from '../../../src/scrape/index.js';
import { plainEncoder } from '../../block/set-up.js';
import { configOf, relabelBy } from '../../scrape/series-set-up.js';
import { pageOf } from './pages.js';

const [SERIES = 540, TARGETS = 200] = process.argv.slice(2).map(Number);
const ROUNDS = 7;
const BATCH_SIZE = 10_000;
const PAGES = [pageOf(SERIES, 0), pageOf(SERIES, 1)];
const shared = new SharedTexts();
const encoder = plainEncoder();
let stampMs = 1_700_000_000_000;
let sink = 0;

function createTarget(i: number): TargetSeries {
  const labels = ['instance', `10.0.${i >> 8}.${i & 255}:9100`, 'job', 'node'];
  return new TargetSeries({
    config: configOf(),
    labels,
    relabel: relabelBy(),
    id: `${i}`,
    clock: systemClock,
    shared,
  });
}

function encode(batch: Batch): void {
  for (let i = 0; i < batch.length; ) {
    i = encoder.append(batch, i, BATCH_SIZE);
    if (!encoder.isFull(BATCH_SIZE)) continue;
    sink += encoder.bytes().length;
    encoder.clear();
  }
}

/** One scrape of every target; gives the samples. */
async function round(targets: readonly TargetSeries[], take: (batch: Batch) => void): Promise<number> {
  let samples = 0;
  stampMs += 10_000;
  const moment = { times: { plannedMs: stampMs, startedMs: stampMs, finishedMs: 0 }, stampMs, beganMs: 0 };
  const body = PAGES[(stampMs / 10_000) % 2]!;
  for (const target of targets) {
    const { batch } = await target.read({ body, contentType: 'text/plain', ...moment });
    samples += batch.length;
    take(batch);
  }
  return samples;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Bytes that live in the heap and beside it. */
function living(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function measure(
  name: string,
  targets: readonly TargetSeries[],
  take: (batch: Batch) => void,
): Promise<void> {
  const nanoseconds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage();
    const samples = (await round(targets, take)) + (await round(targets, take));
    const { user, system } = process.cpuUsage(before);
    nanoseconds.push(((user + system) * 1000) / samples);
  }
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const samples = await round(targets, take);
  const allocated = (process.memoryUsage().heapUsed - before) / samples;
  print(
    `${name}: ${median(nanoseconds).toFixed(0)} ns CPU a sample, ${allocated.toFixed(1)} bytes of heap a sample`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const empty = living();
const targets = Array.from({ length: TARGETS }, (_, i) => createTarget(i));
const first = process.cpuUsage();
const series = await round(targets, () => undefined);
const { user, system } = process.cpuUsage(first);
await new Promise((resume) => setImmediate(resume));
print(`${TARGETS} targets, ${SERIES} series each, ${PAGES[0]!.length} bytes a page`);
print(`first scrape: ${(((user + system) * 1000) / series).toFixed(0)} ns CPU a sample`);
const held = living();
print(`memory: ${((held - empty) / series).toFixed(0)} bytes a series`);
await measure('page to batch', targets, () => undefined);
await measure('page to remote-write bytes', targets, encode);
print(`memory of the encoder: ${((living() - held) / series).toFixed(0)} bytes a series`);
print(`RSS ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB, ${sink} bytes encoded`);
