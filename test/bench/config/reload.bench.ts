// How long a reload holds the agent's event loop, with 10,000 tasks: node .build/test/bench/config/reload.bench.js [tasks]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { loadConfig, readConfigApart, readConfigOf } from '../../../src/config/index.js';
import type { Logger } from '../../../src/lib/index.js';
import { startAgent } from '../../../src/main.js';
import { loadPlugins } from '../../../src/probe/index.js';
import { OwnTime } from '../../own-time.js';
import { until } from '../../until.js';

const TASKS = Number(process.argv[2] ?? 10_000);
/** Until the results of first runs are in: 500 a second. */
const SETTLE_MS = 3 * (TASKS / 500) * 1000 + 30_000;

const say = (line: string) => process.stdout.write(`${line}\n`);
const folder = mkdtempSync(join(tmpdir(), 'sentinel-bench-'));
const file = join(folder, 'config.yaml');

function write({ label = 'a', region = '', tasks = TASKS, more = '' } = {}): void {
  const lines = Array.from(
    { length: tasks },
    (_, i) =>
      `  - {id: task-${i}, device_id: device-${i}, plugin: ping, interval: 1h, labels: {site: ${label}}, config: {host: 127.0.0.1, count: 1}}`,
  );
  writeFileSync(
    file,
    `sentinel: {name: bench, region: "${region}", data_dir: ${folder}/data, self_metrics_interval: 0s}
http: {listen: ""}
${more}
tasks:
${lines.join('\n')}
`,
  );
}

const log: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (first: string | object, second?: string) => say(`  log: ${second ?? String(first)}`),
  child: () => log,
};

const delay = monitorEventLoopDelay({ resolution: 1 });
// On a machine that others use too, the delay tells more of them than of us.
const own = new OwnTime();

/** Does something and says how long the loop was held at most meanwhile. */
async function measure(what: string, work: () => Promise<unknown>): Promise<void> {
  delay.reset();
  own.reset();
  const startedMs = performance.now();
  await work();
  const tookMs = performance.now() - startedMs;
  const rssMiB = process.memoryUsage.rss() / 2 ** 20;
  say(
    `${what.padEnd(34)} worst own ${own.worstMs.toFixed(1).padStart(6)} ms, delay ${(delay.max / 1e6).toFixed(1).padStart(6)} ms, p99.9 ${(delay.percentile(99.9) / 1e6).toFixed(1).padStart(5)} ms, took ${(tookMs / 1000).toFixed(1)} s, RSS ${rssMiB.toFixed(0)} MiB`,
  );
}

write({ tasks: 1 });
const loaded = await loadConfig(file, {
  env: process.env,
  cwd: process.cwd(),
  hostname: hostname(),
  isTty: false,
  loadPlugins,
});
const agent = await startAgent({
  ...readConfigOf(loaded),
  log,
  read: (signal) => readConfigApart({ file, isTty: false, signal }),
  setLogging: async () => {},
});
delay.enable();
const reload = async () => {
  const result = await agent.reload();
  if (!result.ok) say(`  refused: ${result.lines.length} lines`);
};
let results = 0;
agent.onResult(() => results++);
const settle = (runs: number) => until('first runs', () => results >= runs, SETTLE_MS);
try {
  say(`${TASKS} ping tasks; Node ${process.version}`);
  await measure('nothing, 2 s', () => new Promise((resolve) => setTimeout(resolve, 2000)));
  write();
  await measure('from 1 task to all', reload);
  await measure('their first runs', () => settle(TASKS));
  await measure('nothing changed', reload);
  write({ more: 'buffer: {max_age: 1h}' });
  await measure('no task changed', reload);
  write({ label: 'b' });
  await measure('a label of every task', reload);
  await measure('their first runs', () => settle(2 * TASKS));
  write({ label: 'b', region: 'north' });
  await measure('the region (all series)', reload);
  write({ label: 'b', region: 'north', more: 'bufer: {}' });
  await measure('a file with a fault', reload);
  write({ label: 'b c', region: 'north', more: '' });
  await measure('a fault in every task', reload);
  write({ tasks: 1 });
  await measure('from all to 1 task', reload);
} finally {
  await agent.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
