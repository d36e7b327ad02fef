// Measures the pull loop and the whole reading of a node_exporter-like page. Run: node .build/test/bench/exposition/parse.bench.js
// Prints medians of rounds in one process per variant; a sink keeps the results from being thrown away.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createParser, ExpositionReader, parseExposition } from '../../../src/exposition/index.js';
import { nodePage } from '../../exposition/page.js';

const ROUNDS = 40;
const WARM = 10;
let sink = 0;

/** A round over one page; gives the number of samples. */
type Round = (page: Buffer) => number | Promise<number>;

const known = new Map<string, number>();
const reader = new ExpositionReader();

const VARIANTS: Readonly<Record<string, Round>> = {
  // next() alone: ranges, values, timestamps
  pull(page) {
    const parser = createParser(page, 'text');
    let samples = 0;
    for (let entry = parser.next(); entry !== 'end'; entry = parser.next()) {
      if (entry !== 'series') continue;
      samples++;
      sink += parser.value + parser.position;
    }
    return samples;
  },
  // next() and a look-up of the unchanged series by a text key
  lookup(page) {
    const parser = createParser(page, 'text');
    let samples = 0;
    for (let entry = parser.next(); entry !== 'end'; entry = parser.next()) {
      if (entry !== 'series') continue;
      samples++;
      const key = parser.seriesKey();
      const ref = known.get(key);
      if (ref === undefined) known.set(key, known.size);
      else sink += ref;
    }
    return samples;
  },
  // next() and every label of every series
  labels(page) {
    const parser = createParser(page, 'text');
    let samples = 0;
    for (let entry = parser.next(); entry !== 'end'; entry = parser.next()) {
      if (entry !== 'series') continue;
      samples++;
      sink += parser.series().labels.length;
    }
    return samples;
  },
  // what plugins call for one page
  async read(page) {
    const { samples } = await parseExposition(page, 'text/plain');
    sink += samples.length;
    return samples.length;
  },
  // what plugins call for a target whose series stay
  async reader(page) {
    const { samples } = await reader.read(page, 'text/plain');
    sink += samples.length;
    return samples.length;
  },
};

async function measure(name: string, bytes: number): Promise<string> {
  const round = VARIANTS[name]!;
  const pages = Array.from({ length: 4 }, (_, tick) => nodePage(bytes, tick));
  const times: number[] = [];
  let samples = 0;
  for (let i = 0; i < WARM + ROUNDS; i++) {
    const page = pages[i % pages.length]!;
    const start = process.cpuUsage();
    samples = await round(page);
    const used = process.cpuUsage(start);
    if (i >= WARM) times.push((used.user + used.system) / 1000);
  }
  times.sort((a, b) => a - b);
  const ms = times[times.length >> 1]!;
  const size = pages[0]!.length;
  return [
    name.padEnd(8),
    `${(size / 2 ** 20).toFixed(2)} MiB`.padStart(9),
    `${samples} samples`.padStart(15),
    `${ms.toFixed(2)} ms CPU`.padStart(13),
    `${(size / 1e6 / (ms / 1000)).toFixed(0)} MB/s`.padStart(10),
    `${(samples / (ms / 1000) / 1e6).toFixed(2)} M samples/s`.padStart(18),
  ].join(' ');
}

const [name, size] = process.argv.slice(2);
if (name !== undefined && name in VARIANTS) {
  process.stdout.write(`${await measure(name, Number(size))}\n`);
  process.exitCode = Number.isNaN(sink) ? 1 : 0;
} else {
  for (const bytes of [100_000, 2 ** 21])
    for (const variant of Object.keys(VARIANTS))
      spawnSync(process.execPath, [fileURLToPath(import.meta.url), variant, String(bytes)], {
        stdio: 'inherit',
      });
}
