// Bytes per series and time per copy: one Uint8Array for each series, and all in a ByteColumn. Run: node --expose-gc .build/test/bench/model/byte-column.bench.js
import { ByteColumn } from '../../../src/model/index.js';

const SERIES = 540;
const TARGETS = 200;
const LENGTH = 121;
const ROUNDS = 20;

const prefix = (ref: number) => new Uint8Array(LENGTH).fill(ref & 255);
const target = new Uint8Array(SERIES * LENGTH);
const view = new DataView(target.buffer);

function living(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function measure<C>(name: string, create: () => C, copy: (column: C) => number): void {
  const before = living();
  const columns = Array.from({ length: TARGETS }, create);
  const bytes = (living() - before) / SERIES / TARGETS;
  let best = Infinity;
  let sink = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now();
    for (const column of columns) sink += copy(column);
    best = Math.min(best, ((performance.now() - start) * 1e6) / SERIES / TARGETS);
  }
  process.stdout.write(
    `${name}: ${bytes.toFixed(0)} bytes a series, ${best.toFixed(0)} ns a copy (${sink})\n`,
  );
}

measure(
  'a Uint8Array each',
  () => Array.from({ length: SERIES }, (_, ref) => prefix(ref)),
  (column) => {
    let at = 0;
    for (let ref = 0; ref < SERIES; ref++) {
      target.set(column[ref]!, at);
      at += column[ref]!.length;
    }
    return at;
  },
);
measure(
  'one ByteColumn',
  () => {
    const column = new ByteColumn();
    for (let ref = 0; ref < SERIES; ref++) column.set(ref, prefix(ref));
    return column;
  },
  (column) => {
    let at = 0;
    for (let ref = 0; ref < SERIES; ref++) at = column.copy(ref, view, at);
    return at;
  },
);
