import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';

const TARGETS = 1000;
const INTERVAL_MS = Number(process.env.FLEET_INTERVAL_MS ?? 10_000);
const SERIES = Number(process.env.FLEET_SERIES ?? 100);
/** Scrapes of each target that are looked at. */
const ROUNDS = Number(process.env.FLEET_ROUNDS ?? 3);
/** What the project promises of a machine that does nothing else; in a suite on two busy cores only what a fault would exceed by far. `FLEET_STRICT=1` judges by the promise. */
const MOST =
  process.env.FLEET_STRICT === '1' ? { medianMs: 100, delayP99Ms: 50 } : { medianMs: 500, delayP99Ms: 250 };
const ALL_MS = INTERVAL_MS * (ROUNDS + 3) + 30_000;

async function fleetServer(t: TestContext): Promise<string> {
  const child = spawn(process.execPath, ['.build/test/e2e/fleet-server.js', String(SERIES)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let port = '';
  child.stdout.on('data', (text) => {
    port += text;
  });
  await until('the fleet', () => port.includes('\n'));
  return `127.0.0.1:${port.trim()}`;
}

/** One job whose targets differ in their path; target `changed` has the label `version` with this value. */
function fleetConfig(address: string, receiver: string, listen: string, version: string): string {
  const groups = Array.from({ length: TARGETS }, (_, i) => {
    const labels = { __metrics_path__: `/t${i}`, instance: `t${i}`, ...(i === 0 && { version }) };
    return `  - {targets: ["${address}"], labels: ${JSON.stringify(labels)}}\n`;
  });
  return `
http: {listen: "${listen}"}
scrape_configs:
- job_name: fleet
  scrape_interval: ${INTERVAL_MS}ms
  scrape_timeout: ${INTERVAL_MS / 2}ms
  static_configs:
${groups.join('')}
remote_write: [{url: "${receiver}", queue_config: {batch_send_deadline: 1s}}]
`;
}

/** Stamps of each target's `up`. Each sample is looked at once, however often it is asked: a test that is busy with itself takes the processor from the agent. */
class Stamps {
  readonly #receiver: FakeReceiver;
  readonly #stamps = new Map<string, number[]>();
  #read = 0;

  constructor(receiver: FakeReceiver) {
    this.#receiver = receiver;
  }

  /** By target, in the order in which they came. */
  now(): ReadonlyMap<string, readonly number[]> {
    const { samples } = this.#receiver;
    for (; this.#read < samples.length; this.#read++) {
      const { labels, timestampMs } = samples[this.#read]!;
      if (labels.__name__ !== 'up') continue;
      const target = `${labels.instance} ${labels.version ?? ''}`;
      const list = this.#stamps.get(target);
      if (list === undefined) this.#stamps.set(target, [timestampMs]);
      else list.push(timestampMs);
    }
    return this.#stamps;
  }

  /** By target, sorted. */
  sorted(): Map<string, number[]> {
    return new Map([...this.now()].map(([target, list]) => [target, [...list].sort((a, b) => a - b)]));
  }
}

const quantile = (values: readonly number[], q: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * q)]!;

test(`a fleet: ${TARGETS} targets every ${INTERVAL_MS} ms`, { timeout: ALL_MS * 2 + 60_000 }, async (t) => {
  const address = await fleetServer(t);
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const listen = `127.0.0.1:${await freePort()}`;
  const folder = temporaryFolder(t);
  const agent = new AgentProcess(t, {
    folder,
    config: fleetConfig(address, receiver.url, listen, 'one'),
  });
  const stamps = new Stamps(receiver);
  const scraped = (rounds: number) => {
    const lists = [...stamps.now().values()];
    return lists.length >= TARGETS && lists.every(({ length }) => length >= rounds);
  };

  await t.test('every target is scraped in time, and no tick is skipped', async (t) => {
    await until('all rounds', () => scraped(ROUNDS), ALL_MS);
    const late: number[] = [];
    for (const [target, list] of stamps.sorted()) {
      // A scrape that starts in time bears the stamp of its tick, so the earliest phase is the plan's.
      const phase = Math.min(
        ...list.map((stamp) => stamp - Math.round((stamp - list[0]!) / INTERVAL_MS) * INTERVAL_MS),
      );
      for (const [i, stamp] of list.entries()) {
        const planned = phase + i * INTERVAL_MS;
        late.push(stamp - planned);
        assert.ok(
          stamp - planned < INTERVAL_MS / 2,
          `${target}: scrape ${i} is ${stamp - planned} ms behind its tick`,
        );
      }
    }
    const text = await (await fetch(`http://${listen}/metrics`)).text();
    const delay = Number(/^sentinel_self_loop_delay_p99_seconds (.*)$/m.exec(text)![1]) * 1000;
    t.diagnostic(
      `late ms: median ${quantile(late, 0.5)}, p99 ${quantile(late, 0.99)}, worst ${quantile(late, 1 - 1 / late.length)}; loop delay p99 ${delay.toFixed(1)} ms`,
    );
    assert.ok(quantile(late, 0.5) < MOST.medianMs, `median ${quantile(late, 0.5)} ms late`);
    assert.ok(delay < MOST.delayP99Ms, `loop delay p99 ${delay} ms`);
    assert.doesNotMatch(text, /^sentinel_scrape_skipped_total.* [1-9]/m);
  });

  await t.test('a reload that changes one target leaves the others alone', async () => {
    const before = stamps.sorted();
    const reloadedMs = Date.now();
    writeFileSync(join(folder, 'config.yaml'), fleetConfig(address, receiver.url, listen, 'two'));
    const answer = await fetch(`http://${listen}/-/reload`, { method: 'POST' });
    assert.equal(answer.status, 200, await answer.text());
    await until(
      'two more rounds',
      () =>
        [...stamps.now()].every(
          ([target, list]) => target === 't0 one' || list.length >= (before.get(target)?.length ?? 0) + 2,
        ),
      INTERVAL_MS * 4 + 30_000,
    );
    const after = stamps.sorted();
    assert.ok(after.get('t0 two')!.length >= 2, 'the changed target is scraped anew');
    for (const [target, list] of after) {
      if (target.startsWith('t0 ')) continue;
      for (let i = 1; i < list.length; i++) {
        const gap = list[i]! - list[i - 1]!;
        assert.ok(Math.abs(gap - INTERVAL_MS) < INTERVAL_MS / 2, `${target}: ${gap} ms between scrapes`);
      }
    }
    // A loop that was touched would have met all its series anew.
    const added = receiver.samples.filter(
      ({ labels, timestampMs, value }) =>
        labels.__name__ === 'scrape_series_added' && timestampMs > reloadedMs && value > 0,
    );
    assert.deepEqual([...new Set(added.map(({ labels }) => labels.instance))], ['t0']);
    const stale = receiver.samples.filter(({ bits }) => bits === '7ff0000000000002');
    assert.deepEqual(
      [...new Set(stale.map(({ labels }) => labels.instance))].filter((name) => name !== 't0'),
      [],
    );
  });
  assert.equal((await agent.stop()).code, 0);
});
