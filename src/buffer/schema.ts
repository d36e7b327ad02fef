import { field, type Output } from '../lib/index.js';
import type { BufferOptions } from './options.js';

/** The `buffer` section. */
export const bufferSection = field.section(
  'How samples are kept until they are delivered.',
  {
    commit_interval: field.duration(
      'The longest that a sample may exist in memory alone; 0s = write-through. Without it: `sender.flush_interval` + 5s.',
      { optional: true, example: '10s' },
    ),
    max_size: field.size('Bytes on disk at most, over all destinations.', { default: '1GiB', min: 2 ** 16 }),
    max_age: field.duration('Older samples are dropped; 0s = none are.', { default: '0s' }),
    max_memory: field.size(
      'Bytes that exist in memory alone at most; when they are reached, they are committed at once.',
      { default: '32MiB', min: 2 ** 16 },
    ),
    on_full: field.choice('Which samples go when `max_size` is reached.', ['drop_oldest', 'drop_newest'], {
      default: 'drop_oldest',
    }),
    synchronous: field.choice(
      'normal: a power cut may also cost what the kernel had not written back. full: it does not, and more is written to flash.',
      ['normal', 'full'],
      { default: 'normal' },
    ),
  },
  { default: {} },
);

/** Compiles the section; `flushIntervalMs` is the sender's. */
export function bufferOptions(section: Output<typeof bufferSection>, flushIntervalMs: number): BufferOptions {
  return {
    commitIntervalMs: section.commit_interval ?? flushIntervalMs + 5000,
    maxSizeBytes: section.max_size,
    maxAgeMs: section.max_age,
    maxMemoryBytes: section.max_memory,
    onFull: section.on_full,
    synchronous: section.synchronous,
  };
}
