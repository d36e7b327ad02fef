import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { parseExposition } from '../../src/exposition/index.js';
import { freePort, needServer } from '../servers.js';
import { until } from '../until.js';

test('node_exporter: a real page is read to its last sample', async (t) => {
  if (!needServer('prometheus-node-exporter', t)) return;
  const port = await freePort();
  const program: string = 'prometheus-node-exporter';
  const child = spawn(program, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  try {
    const url = `http://127.0.0.1:${port}/metrics`;
    const response = await until('node_exporter to answer', () => fetch(url).catch(() => undefined));
    const body = Buffer.from(await response.arrayBuffer());
    const lines = body.toString('utf8').split('\n');
    const samples = lines.filter((line) => line !== '' && !line.startsWith('#'));
    const page = await parseExposition(body, response.headers.get('content-type')!);
    assert.ok(page.samples.length > 200, `${page.samples.length} samples`);
    assert.equal(page.samples.length, samples.length);
    assert.equal(page.repeated, 0);
    for (const [i, line] of samples.entries()) {
      assert.ok(line.startsWith(page.samples[i]!.name), line);
      const value = line.slice(line.lastIndexOf(' ') + 1).replace('Inf', 'Infinity');
      assert.ok(Object.is(page.samples[i]!.value, Number(value)), line);
    }
  } finally {
    child.kill('SIGKILL');
  }
});
