import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { growth, type Held, heldBy, metricsOf } from './held.js';
import { Edits } from './reload-edits.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';

const RELOADS = 100;
/** Reloads after which everything has been used once: growth is measured from there. */
const WARM = 25;

interface LedgerLine {
  task: string;
  number: number;
  plannedMs: number;
}

/** What the runs of all tasks wrote. */
function readLedgers(folder: string): LedgerLine[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.ledger'));
  return files.flatMap((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').trim().split('\n');
    return lines.map((line) => {
      const [number, plannedMs] = line.split(' ').map(Number);
      return { task: name.replace('.ledger', ''), number: number!, plannedMs: plannedMs! };
    });
  });
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** The agent's process, as the kernel sees it. */
class Footprint {
  readonly #pid: number;
  readonly rssMiB: number[] = [];

  constructor(pid: number) {
    this.#pid = pid;
  }

  note(): void {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8');
    this.rssMiB.push(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024);
  }

  get children(): number {
    const text = readFileSync(`/proc/${this.#pid}/task/${this.#pid}/children`, 'utf8').trim();
    return text === '' ? 0 : text.split(' ').length;
  }
}

/** Reloads through HTTP or by signal; gives whether it was taken. */
async function reload(url: string, agent: AgentProcess, bySignal: boolean): Promise<boolean> {
  if (!bySignal) {
    const response = await fetch(`${url}/-/reload`, { method: 'POST' });
    const text = await response.text();
    if (response.status !== 200) assert.match(text, /^(\S+:\d+:\d+: |sentinel\.data_dir: )/, text);
    return response.status === 200;
  }
  const counts = () => agent.output.match(/"msg":"Configuration (not )?reloaded/g) ?? [];
  const before = counts().length;
  agent.child.kill('SIGHUP');
  await until('the reload', () => counts().length > before);
  return !counts().at(-1)!.includes('not');
}

function assertSums(metrics: ReadonlyMap<string, number>, stage: string, label: string, name: string): void {
  const of = (metric: string) => metrics.get(`sentinel_${stage}_samples_${metric}{${label}="${name}"}`) ?? 0;
  let dropped = 0;
  for (const [key, value] of metrics)
    if (key.startsWith(`sentinel_${stage}_samples_dropped_total{${label}="${name}"`)) dropped += value;
  assert.equal(of('in_total'), of('out_total') + dropped + of('pending'), `${stage} ${name}`);
  assert.equal(dropped, 0, `dropped by ${stage} ${name}`);
}

async function receiver(t: TestContext): Promise<FakeReceiver> {
  const started = await FakeReceiver.start();
  t.after(() => started.close());
  return started;
}

test('a hundred reloads under load with random edits, a third of them invalid: no sample lost, no tick run twice, no growth', async (t) => {
  const folder = temporaryFolder(t);
  const plugins = copyPluginFixtures('ledger');
  t.after(() => rmSync(plugins, { recursive: true }));
  const [kept, flaky] = [await receiver(t), await receiver(t)];
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const ports = [await freePort(), await freePort()];
  const edits = new Edits(seed, { folder, plugins, ports, kept: kept.url, flaky: flaky.url });
  const file = join(folder, 'config.yaml');
  const agent = new AgentProcess(t, { folder, config: edits.text() });
  await until('the first results', () => kept.samples.length > 50, 30_000);
  const footprint = new Footprint(agent.child.pid!);
  const hold = async () => {
    writeFileSync(file, edits.calm());
    assert.equal(await reload(edits.url, agent, true), true);
    return heldBy(agent.child.pid!, edits.url);
  };
  let before: Held | undefined;
  for (let i = 1; i <= RELOADS; i++) {
    flaky.behaviour = edits.chance(0.3) ? { kind: 'status', status: 503 } : { kind: 'ok' };
    const isBad = i % 3 === 0;
    const url = edits.url;
    if (isBad) writeFileSync(file, edits.spoilt());
    else {
      edits.edit();
      writeFileSync(file, edits.text());
    }
    const taken = await reload(url, agent, edits.chance(0.3));
    assert.equal(taken, !isBad, `reload ${i}:\n${readFileSync(file, 'utf8')}`);
    footprint.note();
    if (i === WARM) before = await hold();
  }
  const after = await hold();
  flaky.behaviour = { kind: 'ok' };
  edits.settle();
  writeFileSync(file, edits.text());
  await until('the last reload', () => reload(edits.url, agent, true));
  await until('the flaky one to have what was queued for it', async () => {
    const metrics = await metricsOf(edits.url);
    return metrics.get('sentinel_buffer_samples_pending{destination="flaky"}')! < 500;
  });
  await until(
    () => `one lane, the guard that ends it with the agent, and no process that reads: ${footprint.children}`,
    () => footprint.children === 2,
  );
  const early = median(footprint.rssMiB.slice(WARM, WARM + 20));
  const late = median(footprint.rssMiB.slice(-20));
  t.diagnostic(
    `RSS ${early.toFixed(1)} -> ${late.toFixed(1)} MiB, descriptors ${before!.descriptors} -> ${after.descriptors}, timers ${before!.timers} -> ${after.timers}`,
  );
  assert.ok(late < early * 1.15 + 10, `RSS ${early} -> ${late} MiB`);
  assert.deepEqual(growth(before!, after), []);

  const metrics = await metricsOf(edits.url);
  assert.equal(metrics.get('sentinel_config_last_reload_successful'), 1);
  assert.equal(metrics.get('sentinel_config_reloads_total{result="failure"}'), Math.floor(RELOADS / 3));
  for (const name of ['kept', 'flaky']) assertSums(metrics, 'buffer', 'destination', name);
  for (const key of metrics.keys()) {
    const route = /^sentinel_block_samples_in_total\{route="(.*)"\}$/.exec(key)?.[1];
    if (route !== undefined) assertSums(metrics, 'block', 'route', route);
  }
  // Each run that has been written down by now was the agent's, or is on its way to it.
  const written = readLedgers(folder);
  const countersKept = async () => {
    const tasks = (await (await fetch(`${edits.url}/api/v1/tasks`)).json()) as {
      data: { id: string; runs: number }[];
    };
    const runsOf = (id: string) => tasks.data.find((task) => task.id === id)!.runs;
    return Edits.UNTOUCHED.every((id) => runsOf(id) >= written.filter(({ task }) => task === id).length);
  };
  await until('the counters of tasks that no edit touched', countersKept);
  const ended = await agent.stop();
  assert.equal(ended.code, 0, ended.stdout.slice(-2000));
  assert.match(ended.stdout, /"failed_count":0,"pending_count":0,"msg":"Sender stopped"/);

  const produced = readLedgers(folder);
  t.diagnostic(`${produced.length} runs`);
  assert.ok(produced.length > RELOADS * 5, `only ${produced.length} runs`);
  const twice = produced.filter(
    (line, i) =>
      produced.findIndex((other) => other.task === line.task && other.plannedMs === line.plannedMs) !== i,
  );
  assert.deepEqual(twice, [], 'run twice for one tick');
  const arrived = new Map<string, number>();
  for (const { labels, value, timestampMs } of kept.samples) {
    if (labels.__name__ !== 'numbered_value' || Number.isNaN(value)) continue;
    const key = `${labels.task} ${value} ${timestampMs}`;
    arrived.set(key, (arrived.get(key) ?? 0) + 1);
  }
  const keyOf = ({ task, number, plannedMs }: LedgerLine) => `${task} ${number} ${plannedMs}`;
  assert.deepEqual(
    produced.filter((line) => !arrived.has(keyOf(line))),
    [],
    'lost',
  );
  assert.equal(arrived.size, produced.length, 'nothing that was not produced');
  assert.deepEqual(
    [...arrived].filter(([, times]) => times !== 1),
    [],
    'sent twice',
  );
  for (const id of Edits.UNTOUCHED) {
    const lines = produced.filter(({ task }) => task === id);
    const gaps = lines.slice(2).map((line, i) => line.plannedMs - lines[i + 1]!.plannedMs);
    assert.ok(
      gaps.every((gap) => gap % 500 === 0),
      `${id} kept its phase: ${gaps}`,
    );
  }
});
