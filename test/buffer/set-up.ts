import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import {
  type BlockBuffer,
  type BufferOptions,
  type BufferSetUp,
  type Lane,
  openBuffer,
} from '../../src/buffer/index.js';
import { openSqliteStore } from '../../src/buffer/open-store.js';
import { type Boot, Metrics } from '../../src/lib/index.js';
import type { Block } from '../../src/model/index.js';
import { ManualClock } from '../manual-clock.js';
import { metricValue } from '../metric-value.js';

export const OPTIONS: BufferOptions = {
  commitIntervalMs: 10_000,
  maxSizeBytes: 2 ** 30,
  maxAgeMs: 0,
  maxMemoryBytes: 2 ** 25,
  onFull: 'drop_oldest',
  synchronous: 'normal',
};

/** A directory that goes with the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-buffer-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A buffer with destinations `a` and `b` on route `ab`, and `c` on route `c`; blocks are told apart by number, their first byte. */
export class Bench {
  readonly clock: ManualClock;
  readonly metrics = new Metrics();
  readonly logged: string[] = [];
  readonly buffer: BlockBuffer;
  static number = 0;

  private constructor(parts: Pick<Bench, 'clock' | 'metrics' | 'logged' | 'buffer'>) {
    this.clock = parts.clock;
    this.metrics = parts.metrics;
    this.logged = parts.logged;
    this.buffer = parts.buffer;
  }

  static async open(
    directory: string,
    options: Partial<BufferOptions> = {},
    more: Partial<Pick<BufferSetUp, 'routes' | 'openStore'>> & {
      clock?: ManualClock;
      boot?: Partial<Boot>;
    } = {},
  ): Promise<Bench> {
    const { clock = new ManualClock(), boot, ...set } = more;
    const metrics = new Metrics();
    const logged: string[] = [];
    const log = pino(
      { base: null, timestamp: false },
      { write: (line: string) => logged.push(JSON.parse(line).msg) },
    );
    const routes = new Map([
      ['ab', ['a', 'b']],
      ['c', ['c']],
    ]);
    const buffer = await openBuffer({
      directory,
      options: { ...OPTIONS, ...options },
      routes,
      clock,
      boot: { id: 'a boot', uptimeMs: () => clock.monotonic(), ...boot },
      shiftBlock: (block, ms) => ({ ...block, minMs: block.minMs + ms, maxMs: block.maxMs + ms }),
      log,
      metrics,
      // In the test's own thread: what the clock makes due is then done when it stands still again.
      openStore: openSqliteStore,
      ...set,
    });
    return new Bench({ clock, metrics, logged, buffer });
  }

  /** Pushes a block of that many samples; the number stands in its bytes. */
  push(number: number, more: Partial<Block> & { size?: number } = {}): void {
    const { size = 100, ...block } = more;
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setUint32(0, number);
    const times = { minMs: this.clock.now(), maxMs: this.clock.now(), bornMs: this.clock.monotonic() };
    const taken = this.buffer.push({
      route: 'ab',
      format: 'remote_write_1',
      codec: 'snappy',
      samples: 10,
      ...times,
      bytes,
      ...block,
    });
    assert.equal(taken, 'taken');
  }

  async take(destination: string, lane: Lane = 'oldest') {
    return this.buffer.take(destination, lane);
  }

  /** Takes and acknowledges everything; gives the numbers in order. */
  async drain(destination: string, lane: Lane = 'oldest'): Promise<number[]> {
    const numbers: number[] = [];
    for (;;) {
      const lease = await this.buffer.take(destination, lane);
      if (lease === undefined) return numbers;
      numbers.push(numberOf(lease));
      await this.buffer.ack(lease);
    }
  }

  metric(name: string): number {
    return metricValue(this.metrics, name);
  }

  /** The promise that holds at any moment, for every destination. */
  checkSums(): void {
    for (const family of this.metrics.families()) {
      if (family.name !== 'sentinel_buffer_samples_in_total') continue;
      for (const { labels, value } of family.samples()) {
        const of = (name: string) => `${name}{destination="${labels.destination}"}`;
        let dropped = 0;
        const family = this.metrics.family('counter', 'sentinel_buffer_samples_dropped_total', '');
        for (const child of family.samples())
          if (child.labels.destination === labels.destination) dropped += child.value;
        const rest =
          this.metric(of('sentinel_buffer_samples_out_total')) +
          dropped +
          this.metric(of('sentinel_buffer_samples_pending'));
        assert.equal(value, rest, `in = out + dropped + pending of ${labels.destination}`);
      }
    }
  }
}

export function numberOf(lease: { block: Block } | undefined): number {
  assert.ok(lease !== undefined, 'nothing was handed out');
  return new DataView(lease.block.bytes.buffer, lease.block.bytes.byteOffset).getUint32(0);
}
