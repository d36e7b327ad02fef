import assert from 'node:assert/strict';
import test from 'node:test';
import { isolatedNamespace } from './namespace.js';
import { run, SENTINEL } from './sentinel.js';

test('trigger ping of loopback prints a plausible round-trip time and exits 0', async () => {
  const { code, stdout, stderr } = await run(SENTINEL, [
    'trigger',
    'ping',
    '127.0.0.1',
    '-n',
    '1',
    '-o',
    'json',
  ]);
  assert.equal(code, 0, stderr);
  const { samples } = JSON.parse(stdout) as { samples: { name: string; value: number }[] };
  const rtt = samples.find(({ name }) => name === 'ping_rtt_ms')?.value ?? Number.NaN;
  assert.ok(rtt > 0.001 && rtt < 100, `rtt ${rtt} ms`);
});

test('an unreachable target exits 1 with loss 1', async (t) => {
  const namespace = await isolatedNamespace(t);
  if (namespace === undefined) return;
  const { code, stdout } = await run('ip', [
    'netns',
    'exec',
    namespace,
    SENTINEL,
    'trigger',
    'ping',
    '192.0.2.1',
    '-n',
    '1',
    '-o',
    'prometheus',
  ]);
  assert.equal(code, 1, stdout);
  assert.match(stdout, /^ping_packet_loss(\{.*\})? 1$/m);
  assert.match(stdout, /^probe_failure_info\{.*reason="unreachable".*\} 1$/m);
  assert.doesNotMatch(stdout, /^ping_rtt_ms/m);
});

test('an unknown plugin exits 2 and lists the known ones', async () => {
  const { code, stderr } = await run(SENTINEL, ['trigger', 'pnig', '127.0.0.1']);
  assert.equal(code, 2);
  for (const name of ['ping', 'http', 'scrape-exporter']) assert.ok(stderr.includes(name), stderr);
});

test('trigger sums what its options need, and refuses what cannot be', async () => {
  const long = await run(SENTINEL, ['trigger', 'ping', '127.0.0.1', '-n', '3', '-i', '50ms', '-t', '200ms']);
  assert.equal(long.code, 0, long.stderr);
  const wrong = await run(SENTINEL, ['trigger', 'ping', '127.0.0.1', '-n', 'many']);
  assert.equal(wrong.code, 2);
  const missing = await run(SENTINEL, ['trigger', 'ping']);
  assert.equal(missing.code, 2);
});
