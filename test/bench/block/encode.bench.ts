// Cost of encoding and compressing, per million samples. Run: node .build/test/bench/block/encode.bench.js [series ...]
import { compress } from 'snappyjs';
import { Batch, labelsOf, SeriesTable } from '../../../src/model/index.js';
import { plainEncoder } from '../../block/set-up.js';

const SAMPLES = 2_000_000;
const ROUNDS = 5;
const BATCH_SIZE = 10_000;

function pageOf(series: number, target: number): Batch {
  const table = new SeriesTable();
  const batch = new Batch(
    { kind: 'scrape', id: 't' },
    table,
    { plannedMs: 0, startedMs: 0, finishedMs: 0 },
    series,
  );
  for (let i = 0; i < series; i++) {
    const labels = {
      __name__: `node_network_receive_bytes_total_${i % 40}`,
      device: `eth${i}`,
      instance: `10.0.${target}.1:9100`,
      job: 'node',
    };
    batch.add(table.add(`${i}`, labelsOf(labels)), Math.round(i * 1e6 * Math.random()), 1_700_000_000_000);
  }
  return batch;
}

function round(batches: Batch[], compressed: boolean): { cpuMs: number; bytes: number } {
  const encoder = plainEncoder({ site: 'lab' });
  let bytes = 0;
  let samples = 0;
  const seal = () => {
    bytes += compressed ? compress(encoder.bytes()).length : encoder.bytes().length;
    encoder.clear();
  };
  const start = process.cpuUsage();
  for (let at = 1_700_000_000_000; samples < SAMPLES; at += 15_000) {
    for (const batch of batches) {
      batch.timestamps.fill(at);
      samples += batch.length;
      for (let i = 0; i < batch.length; ) {
        i = encoder.append(batch, i, BATCH_SIZE);
        if (encoder.isFull(BATCH_SIZE)) seal();
      }
    }
  }
  seal();
  const used = process.cpuUsage(start);
  return { cpuMs: ((used.user + used.system) / 1000) * (1e6 / samples), bytes: bytes / samples };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

for (const series of process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10, 500, 5000]) {
  const batches = Array.from({ length: Math.max(1, 20_000 / series) }, (_, target) => pageOf(series, target));
  for (const compressed of [false, true]) {
    const results = Array.from({ length: ROUNDS }, () => round(batches, compressed));
    const cpu = median(results.map((r) => r.cpuMs)).toFixed(0);
    process.stdout.write(
      `${series} series a batch, ${compressed ? 'encode + snappy' : 'encode'}: ${cpu} ms CPU per million samples, ${results[0]!.bytes.toFixed(1)} bytes a sample\n`,
    );
  }
}
