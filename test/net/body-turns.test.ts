import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { errorLine } from '../../src/lib/index.js';
import { createHttpClient, type Resolver } from '../../src/net/index.js';
import { atEnd } from '../at-end.js';
import { until } from '../until.js';

const MIB = 2 ** 20;
const SERVER = fileURLToPath(new URL('../e2e/hostile-server.js', import.meta.url));

const resolver: Resolver = {
  resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  close: () => undefined,
};

/** A server in a process of its own that sends as fast as it can; gives its port. */
async function endless(t: TestContext): Promise<string> {
  const child = spawn(process.execPath, [SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  atEnd(t, () => child.kill('SIGKILL'));
  let ports = '';
  child.stdout.on('data', (text) => {
    ports += text;
  });
  await until('the server', () => ports.includes('\n'));
  return ports.split(' ')[0]!;
}

test('large bodies share the turns of the loop, however fast they come, and each of them gets on', async (t) => {
  const port = await endless(t);
  const client = createHttpClient({ keepAlive: false }, resolver);
  atEnd(t, () => client.close());
  let [inTurn, most, turns] = [0, 0, 0];
  const next = () => {
    inTurn = 0;
    turns++;
    timer = setImmediate(next);
  };
  let timer = setImmediate(next);
  atEnd(t, () => clearImmediate(timer));
  const bodies = Array.from({ length: 40 }, async (_, i) => {
    let had = 0;
    await client.request({
      method: 'GET',
      url: `http://127.0.0.1:${port}/endless?n=${i}`,
      signal: AbortSignal.timeout(60_000),
      maxBodyBytes: 4 * MIB,
      onlyGzip: true,
      hold: (bytes) => {
        inTurn += bytes - had;
        most = Math.max(most, inTurn);
        had = bytes;
        return true;
      },
    });
  });
  const ended = await Promise.allSettled(bodies);
  for (const end of ended)
    assert.match(errorLine(end.status === 'rejected' && end.reason), /longer than 4MiB/);
  t.diagnostic(`at most ${(most / MIB).toFixed(1)} MiB in one of ${turns} turns`);
  // A piece of 64 KiB of each of them, and what all may take together.
  assert.ok(most < 8 * MIB, `${most} bytes in one turn`);
});
