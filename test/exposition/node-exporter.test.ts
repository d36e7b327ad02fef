import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import test from 'node:test';
import { parseExposition } from '../../src/exposition/index.js';

const DEADLINE_MS = 30_000;

async function freePort(): Promise<number> {
  const socket = createServer();
  await new Promise<void>((resume) => socket.listen(0, '127.0.0.1', resume));
  const { port } = socket.address() as AddressInfo;
  await new Promise((resume) => socket.close(resume));
  return port;
}

async function fetchPage(url: string): Promise<{ body: Buffer; contentType: string }> {
  for (const deadline = Date.now() + DEADLINE_MS; ; ) {
    try {
      const response = await fetch(url);
      return {
        body: Buffer.from(await response.arrayBuffer()),
        contentType: response.headers.get('content-type')!,
      };
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resume) => setTimeout(resume, 100));
    }
  }
}

const missing = spawnSync('prometheus-node-exporter', ['--version']).error !== undefined;
const skip =
  missing && process.env.CI !== 'true' ? 'needs the Debian package prometheus-node-exporter' : false;

test('node_exporter: a real page is read to its last sample', { skip }, async () => {
  const port = await freePort();
  const child = spawn('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`], {
    stdio: 'ignore',
  });
  try {
    const { body, contentType } = await fetchPage(`http://127.0.0.1:${port}/metrics`);
    const lines = body.toString('utf8').split('\n');
    const samples = lines.filter((line) => line !== '' && !line.startsWith('#'));
    const page = await parseExposition(body, contentType);
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
