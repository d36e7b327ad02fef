import assert from 'node:assert/strict';
import test from 'node:test';
import { sdk } from '../../../src/sdk/index.js';
import { turnsUntil } from '../../../test/loop-turns.js';
import type { Echo, EchoOutcome } from '../echo.js';
import { LocalAddresses } from '../local-address.js';
import { TimerQueue } from '../timer-queue.js';
import { createPinger } from '../train.js';
import { asText, collect, literals, options, ping, type Shared, sampleOf, testRun } from './kit.js';

type Reply = number | EchoOutcome | 'silent';

const lost = (reason: 'timeout' | 'unreachable' | 'ttl_exceeded' | 'frag_needed'): EchoOutcome => ({
  kind: 'lost',
  reason,
  evidence: reason,
});
const unsent: EchoOutcome = { kind: 'unjudged', evidence: 'raise packets_per_second' };

/** The seam: the n-th packet gets the n-th outcome; a number is the RTT, `silent` never tells. */
function fakeShared(replies: readonly Reply[]): Shared & { ids: number[] } {
  let n = 0;
  const ids: number[] = [];
  const echo: Echo = {
    ping(probe, done) {
      const reply = replies[n++ % replies.length]!;
      ids.push(probe.id);
      if (reply === 'silent') return;
      setImmediate(() => done(typeof reply === 'number' ? { kind: 'reply', rttMs: reply } : reply));
    },
  };
  const timers = new TimerQueue();
  return {
    resolver: literals,
    local: new LocalAddresses(),
    pinger: createPinger(echo, timers),
    id: 7,
    close: () => timers.close(),
    ids,
  };
}

const ALL = ping.metrics === 'dynamic' ? [] : ping.metrics.map((metric) => metric.name);

test('ping collect', async () => {
  const f = async (replies: Reply[], want: string, more: Record<string, unknown> = {}) => {
    const result = await collect(fakeShared(replies), {
      host: '192.0.2.1',
      count: replies.length,
      interval: '1ms',
      ...more,
    });
    assert.equal(asText(result, ...ALL), want);
  };

  // all answered
  await f(
    [1, 4, 2, 5],
    'ok: ping_rtt_ms 3 ping_rtt_min_ms 1 ping_rtt_max_ms 5 ping_rtt_stddev_ms 1.581 ping_jitter_ms 2.667 ping_packet_loss 0 ping_reachable 1 ping_packets_sent 4 ping_packets_received 4',
  );
  // one packet: no jitter
  await f(
    [3],
    'ok: ping_rtt_ms 3 ping_rtt_min_ms 3 ping_rtt_max_ms 3 ping_rtt_stddev_ms 0 ping_packet_loss 0 ping_reachable 1 ping_packets_sent 1 ping_packets_received 1',
  );
  // half lost is still ok: there is a reply
  await f(
    [4, lost('timeout')],
    'ok: ping_rtt_ms 4 ping_rtt_min_ms 4 ping_rtt_max_ms 4 ping_rtt_stddev_ms 0 ping_packet_loss 0.5 ping_reachable 1 ping_packets_sent 2 ping_packets_received 1',
  );
  // silent target: a result, not an error, and no RTT
  const silent = 'ping_packet_loss 1 ping_reachable 0 ping_packets_sent 2 ping_packets_received 0';
  await f([lost('timeout'), lost('timeout')], `timeout: ${silent}`);
  // what somebody told is worth more than silence
  await f([lost('ttl_exceeded'), lost('timeout')], `ttl_exceeded: ${silent}`);
  await f([lost('unreachable'), lost('unreachable')], `unreachable: ${silent}`);
  await f([lost('timeout'), lost('frag_needed')], `frag_needed: ${silent}`);
  // nothing measured: no series at all
  await f([{ kind: 'failed', reason: 'bind', evidence: 'x' }, 'silent'], 'bind:');
  await f([{ kind: 'failed', reason: 'permission', evidence: 'x' }, 'silent'], 'permission:');
  await f([unsent, unsent], 'internal:');
  // what could not be judged is neither sent nor lost
  await f(
    [2, unsent],
    'ok: ping_rtt_ms 2 ping_rtt_min_ms 2 ping_rtt_max_ms 2 ping_rtt_stddev_ms 0 ping_packet_loss 0 ping_reachable 1 ping_packets_sent 1 ping_packets_received 1',
  );
});

test('ping max_loss', async () => {
  const f = async (replies: Reply[], maxLoss: number, want: string) => {
    const result = await collect(fakeShared(replies), {
      host: '192.0.2.1',
      count: replies.length,
      interval: '1ms',
      max_loss: maxLoss,
    });
    assert.equal(asText(result, 'ping_packet_loss'), want);
  };
  await f([1, 1], 0, 'ok: ping_packet_loss 0');
  await f([1, lost('timeout')], 0.5, 'ok: ping_packet_loss 0.5');
  await f([1, lost('timeout')], 0.4, 'loss: ping_packet_loss 0.5');
  await f([lost('timeout')], 0.5, 'timeout: ping_packet_loss 1');
});

test('ping evidence says what was seen', async () => {
  const f = async (replies: Reply[], want: string) =>
    assert.equal(
      (await collect(fakeShared(replies), { host: '192.0.2.1', count: replies.length, interval: '1ms' }))
        .evidence,
      want,
    );
  await f([1, 20], '2 of 2 packets answered, rtt 1.000..20.0ms');
  await f([1, lost('timeout')], '1 of 2 packets answered, rtt 1.000..1.000ms; timeout');
  await f([lost('unreachable')], '0 of 1 packets answered; unreachable');
  await f([unsent], 'no packet could be judged: raise packets_per_second');
});

test('ping resolve and source', async () => {
  const f = async (written: Record<string, unknown>, want: string) =>
    assert.equal(
      asText(await collect(fakeShared([1]), { count: 1, ...written }), ...ALL).split(':')[0],
      want,
    );
  await f({ host: 'no.such.name' }, 'resolve');
  await f({ host: '::1', family: 'ip4' }, 'resolve');
  await f({ host: '127.0.0.1', source: '127.1.2.3' }, 'ok');
  await f({ host: '127.0.0.1', source: '192.0.2.77' }, 'bind');
  await f({ host: '::1', source: '2001:db8::77' }, 'bind');
  // the target must be of the family of the source
  await f({ host: '::1', source: '127.0.0.1' }, 'resolve');
});

test('ping prepare refuses what the schema cannot see', () => {
  const f = (written: Record<string, unknown>, want: string) =>
    assert.throws(
      () => ping.prepare(options({ host: 'a', ...written }).config, fakeShared([1]), { timeoutMs: 1000 }),
      (error: Error) => error instanceof sdk.OptionError && error.path.join() === want,
    );
  f({ source: 'eth0' }, 'source');
  f({ source: '127.0.0.1', family: 'ip6' }, 'source');
  f({ source: '::1', family: 'ip4' }, 'source');
  f({ host: '224.0.0.1' }, 'host');
  f({ host: '255.255.255.255' }, 'host');
  f({ host: 'ff02::1' }, 'host');
});

test('ping settles when its run is ended, with what was judged until then', async () => {
  const controller = new AbortController();
  const shared = fakeShared([1, 'silent']);
  const task = ping.prepare(options({ host: '192.0.2.1', count: 2, interval: '20ms' }).config, shared, {
    timeoutMs: 9000,
  });
  const running = ping.collect(task, testRun(9000, controller.signal));
  while (shared.ids.length < 2) await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new sdk.DeadlineError(9000));
  assert.ok((await turnsUntil(running, 1000)) < 1000, 'at once');
  const result = await running;
  assert.equal(
    asText(result, 'ping_packet_loss', 'ping_packets_sent'),
    'ok: ping_packet_loss 0 ping_packets_sent 1',
  );

  // ended before it began
  assert.equal(asText(await ping.collect(task, testRun(9000, AbortSignal.abort()))), 'internal:');
});

test('ping draws a new identifier for a target that fell silent', async () => {
  const shared = fakeShared([1, lost('timeout'), 1, 1]);
  const task = ping.prepare(options({ host: '192.0.2.1', count: 1 }).config, shared, { timeoutMs: 9000 });
  for (let i = 0; i < 4; i++) await ping.collect(task, testRun());
  const [first, second, third, fourth] = shared.ids;
  assert.equal(first, 7);
  assert.equal(second, 7);
  assert.notEqual(third, 7);
  assert.equal(fourth, third);
});

test('ping two tasks of one definition do not share their options', async () => {
  const shared = fakeShared([1]);
  const [one, two] = [1, 3].map((count) =>
    ping.prepare(options({ host: '192.0.2.1', count, interval: '1ms' }).config, shared, { timeoutMs: 9000 }),
  );
  const results = await Promise.all([ping.collect(one!, testRun()), ping.collect(two!, testRun())]);
  assert.deepEqual(
    results.map((result) => sampleOf(result, 'ping_packets_sent')),
    [1, 3],
  );
});
