import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { atEnd } from '../at-end.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import type { ReceivedSample } from '../receiver.js';

/** One run of the fixture plugin `numbered`, as it wrote it to its ledger. */
export interface LedgerLine {
  number: number;
  plannedMs: number;
  endedMs: number;
}

interface NumberedOptions {
  /** Holds the ledger. */
  folder: string;
  /** Where blocks are kept. */
  data: string;
  url: string;
  intervalMs: number;
  /** Flow-style YAML: more keys of `sender`, and of `buffer`. */
  sender?: string;
  buffer?: string;
  /** Where the API listens. */
  listen?: string;
}

/** A configuration whose one task gives each run a unique number and writes that to a ledger; the ledger can be read at any time. */
export function numberedAgent(t: TestContext, options: NumberedOptions) {
  const plugins = copyPluginFixtures('ledger');
  atEnd(t, () => rmSync(plugins, { recursive: true }));
  const ledger = join(options.folder, 'ledger.txt');
  const config = `
sentinel: {name: numbered, data_dir: ${options.data}, self_metrics_interval: 0s}
http: {listen: "${options.listen ?? ''}"}
plugins: {directories: [${plugins}]}
buffer: {${options.buffer ?? ''}}
sender: {flush_interval: 100ms, min_backoff: 50ms, max_backoff: 300ms, ${options.sender ?? ''} direct: {receiver: {url: "${options.url}"}}}
tasks: [{id: n, plugin: numbered, interval: ${options.intervalMs}ms, config: {ledger: ${ledger}}}]
`;
  const lines = (): LedgerLine[] => {
    if (!existsSync(ledger)) return [];
    const whole = readFileSync(ledger, 'utf8').split('\n').slice(0, -1);
    return whole.map((line) => {
      const [number, plannedMs, endedMs] = line.split(' ').map(Number);
      return { number: number!, plannedMs: plannedMs!, endedMs: endedMs! };
    });
  };
  return { config, lines };
}

/** The numbers among what a receiver got, in the order in which they came. */
export function numbersIn(samples: readonly ReceivedSample[]): number[] {
  return samples.filter(({ labels }) => labels.__name__ === 'numbered_value').map(({ value }) => value);
}
