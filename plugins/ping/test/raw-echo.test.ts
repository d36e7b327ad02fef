import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import netPing from 'net-ping';
import { turnsUntil } from '../../../test/loop-turns.js';
import { IcmpSocket } from '../icmp-socket.js';
import { Pacer } from '../pacer.js';
import { RawEcho } from '../raw-echo.js';
import { TimerQueue } from '../timer-queue.js';
import { createPinger } from '../train.js';
import { asText, collect, openReal, options, ping, sampleOf, testRun } from './kit.js';

const skip = whyNoRawSockets();
const noIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)
  ? false
  : 'this machine has no ::1';

function whyNoRawSockets(): string | false {
  try {
    const place = { family: 4, interface: undefined } as const;
    new IcmpSocket(
      netPing,
      place,
      () => {},
      () => {},
    ).close();
    return false;
  } catch (error) {
    return `raw ICMP sockets are not allowed here: ${(error as Error).message}`;
  }
}

test('this host answers', { skip }, async (t) => {
  const shared = await openReal();
  t.after(() => shared.close());
  const f = async (written: Record<string, unknown>, want: string) =>
    assert.equal(
      asText(
        await collect(shared, { count: 3, interval: '5ms', ...written }),
        'ping_packet_loss',
        'ping_packets_received',
      ),
      want,
    );
  const answered = 'ok: ping_packet_loss 0 ping_packets_received 3';
  await f({ host: '127.0.0.1' }, answered);
  await f({ host: '127.9.8.7', source: '127.1.2.3' }, answered);
  for (const size of [0, 1, 7, 8, 9, 1473, 65_507]) await f({ host: '127.0.0.1', size }, answered);
  const result = await collect(shared, { host: '127.0.0.1', count: 5, interval: '5ms' });
  const [min, mean, max] = ['min_ms', 'ms', 'max_ms'].map((name) => sampleOf(result, `ping_rtt_${name}`)!);
  // The best of five is that of the loopback, whoever else wants the processor.
  assert.ok(0 < min! && min! <= mean! && mean! <= max! && min! < 50, result.evidence);
});

test('this host answers by IPv6', { skip: skip || noIpv6 }, async (t) => {
  const shared = await openReal();
  t.after(() => shared.close());
  const result = await collect(shared, { host: '0:0:0:0:0:0:0:1', count: 3, interval: '5ms' });
  assert.equal(
    asText(result, 'ping_packet_loss', 'ping_packets_received'),
    'ok: ping_packet_loss 0 ping_packets_received 3',
  );
});

test('5,000 targets of one tick: no loss invented, and the pace is kept', { skip }, async (t) => {
  const shared = await openReal();
  t.after(() => shared.close());
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const targets = Array.from({ length: 5000 }, (_, i) => `127.0.${1 + (i >> 8)}.${i & 255}`);
  const results = await Promise.all(
    targets.map((host) => collect(shared, { host, count: 1, timeout: '2s' }, 30_000)),
  );
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const texts = new Set(results.map((result) => asText(result, 'ping_packet_loss', 'ping_packets_sent')));
  assert.deepEqual([...texts], ['ok: ping_packet_loss 0 ping_packets_sent 1']);
  assert.ok(seconds > 4.9, `took ${seconds}s`);
  t.diagnostic(`${seconds.toFixed(1)} s, ${((user + system) / 5000).toFixed(0)} us of CPU per target`);
});

test('a packet whose turn does not come is no loss, and a run without any names the key', {
  skip,
}, async (t) => {
  const shared = await openReal(20);
  t.after(() => shared.close());
  const hosts = Array.from({ length: 30 }, (_, i) => `127.0.0.${i + 1}`);
  const results = await Promise.all(
    hosts.map((host) => collect(shared, { host, count: 1, timeout: '200ms' }, 600)),
  );
  const late = results.filter((result) => result.reason === 'internal');
  assert.ok(late.length > 5 && late.length < 28, `${late.length} of 30 came too late`);
  for (const result of late) {
    assert.deepEqual(result.samples, []);
    assert.match(result.evidence!, /plugins\.config\.ping\.packets_per_second/);
  }
  for (const result of results.filter((one) => !late.includes(one)))
    assert.equal(asText(result, 'ping_packet_loss'), 'ok: ping_packet_loss 0');
});

test('a run that is ended settles at once, though its packets are in flight', { skip }, async (t) => {
  const shared = await openReal();
  t.after(() => shared.close());
  // TEST-NET-1 is nobody's: silence, or an error of a router.
  const task = ping.prepare(options({ host: '192.0.2.1', count: 1 }).config, shared, { timeoutMs: 9000 });
  const controller = new AbortController();
  const running = ping.collect(task, testRun(9000, controller.signal));
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  assert.ok((await turnsUntil(running, 1000)) < 1000, 'at once');
  await running;
});

test('an error of the socket that nobody foresaw ends the run, not the process', { skip }, async (t) => {
  const timers = new TimerQueue();
  const createSession: typeof netPing.createSession = (wanted) => {
    const session = netPing.createSession(wanted);
    session.getSocket().wrap.send = () => {
      throw new Error('Required key not available');
    };
    return session;
  };
  const echo = new RawEcho({ ...netPing, createSession }, new Pacer(1000, timers), timers);
  t.after(() => echo.close());
  const pinger = createPinger(echo, timers);
  const { signal } = new AbortController();
  const where = { address: '127.0.0.1', family: 4, source: undefined, interface: undefined, id: 1 } as const;
  const what = { size: 56, ttl: 64, tos: 0, df: false, count: 3, intervalMs: 1, timeoutMs: 50 };
  const outcomes = await pinger({ ...where, ...what, deadlineMs: performance.now() + 5000, signal });
  const unjudged = { kind: 'unjudged', evidence: 'cannot send: Required key not available' };
  assert.deepEqual(outcomes, [unjudged, unjudged, unjudged]);
});

test('nothing stays open after close', { skip }, async () => {
  const runPing = fileURLToPath(new URL('./run-ping.js', import.meta.url));
  const steps = [
    { ping: { host: '127.0.0.1', count: 1 } },
    { ping: { host: '192.0.2.1', count: 1, timeout: '60ms' }, timeoutMs: 100 },
  ];
  // It ends by itself, or is killed and fails.
  const { stdout } = await promisify(execFile)(process.execPath, [runPing, JSON.stringify(steps)], {
    timeout: 20_000,
  });
  assert.equal(stdout.trim().split('\n').length, 3);
});

test('a worker thread does not get raw sockets: they would crash the process', async () => {
  const module = new URL('../icmp-socket.js', import.meta.url).href;
  const code = `import('${module}').then((m) => m.loadNetPing()).then(() => 'loaded', (e) => e.message).then((text) => require('node:worker_threads').parentPort.postMessage(text))`;
  const worker = new Worker(code, { eval: true });
  const text = await new Promise((resolve) => worker.once('message', resolve));
  await worker.terminate();
  assert.match(String(text), /worker thread/);
});
