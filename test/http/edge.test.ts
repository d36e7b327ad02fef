import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { type Clock, Metrics, SentinelError, systemClock } from '../../src/lib/index.js';
import type { TaskStatus } from '../../src/probe/index.js';
import { until } from '../until.js';
import { ask, edgeOf, logLines, viewWith, withEdge } from './kit.js';

const status: TaskStatus = {
  task: {
    id: 'ping-gateway',
    deviceId: 'gw',
    target: 'http://user:hunter2@192.0.2.1/?token=hunter2',
    plugin: 'ping',
    lane: 'ping',
    intervalMs: 90_000,
    timeoutMs: 10_000,
    labels: { site: 'a' },
    config: { password: 'hunter2' },
    baseDirectory: '/',
  },
  lane: 'ping',
  sinceMs: 1_699_999_999_000,
  last: {
    plannedMs: 1_700_000_000_000,
    startedMs: 1_700_000_000_001,
    durationSeconds: 0.25,
    ok: false,
    reason: 'timeout',
    evidence: '4 of 4 packets lost',
    samples: 3,
    values: { ping_packet_loss: 1, strange: Number.NaN },
  },
  runs: 7,
  failures: 2,
  skipped: 1,
  missed: 0,
  aborted: 3,
  problem: undefined,
};

test('endpoints answer', async () => {
  const metrics = new Metrics();
  metrics.counter('sentinel_test_total', 'A test.').inc(3);
  await withEdge({ metrics }, async (edge) => {
    const healthy = await ask(edge, '/-/healthy');
    assert.equal(healthy.status, 200);

    const metricsPage = await ask(edge, '/metrics?x=1');
    assert.equal(metricsPage.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(metricsPage.body, /^# TYPE sentinel_test_total counter\nsentinel_test_total 3$/m);
    assert.match(metricsPage.body, /^sentinel_http_listening\{listener="http"\} 1$/m);
    assert.match(metricsPage.body, /^sentinel_http_requests_total\{path="\/-\/healthy",code="200"\} 1$/m);

    const page = await ask(edge, '/');
    for (const path of ['/-/healthy', '/-/ready', '/metrics', '/api/v1/tasks', '/api/v1/destinations'])
      assert.ok(page.body.includes(`<a href="${path}">`));
  });
});

test('ready names the reasons', async () => {
  let reasons: string[] = [];
  const view = viewWith({ ready: () => ({ ready: reasons.length === 0, reasons }) });
  await withEdge({ view }, async (edge) => {
    assert.equal((await ask(edge, '/-/ready')).status, 200);
    reasons = ['destination "vm" has had data pending for 3m'];
    const reply = await ask(edge, '/-/ready');
    assert.equal(reply.status, 503);
    assert.equal(reply.body, 'Sentinel is not ready.\ndestination "vm" has had data pending for 3m\n');
  });
});

test('tasks are listed with their last result and without secrets', async () => {
  await withEdge({ view: viewWith({ tasks: () => [status] }) }, async (edge) => {
    const reply = await ask(edge, '/api/v1/tasks');
    assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
    assert.ok(!reply.body.includes('hunter2'));
    assert.deepEqual(JSON.parse(reply.body), {
      status: 'success',
      data: [
        {
          id: 'ping-gateway',
          state: 'late',
          device_id: 'gw',
          plugin: 'ping',
          target: 'http://<secret>@192.0.2.1/?token=<secret>',
          lane: 'ping',
          interval: '1m30s',
          timeout: '10s',
          labels: { site: 'a' },
          last: {
            planned: '2023-11-14T22:13:20.000Z',
            started: '2023-11-14T22:13:20.001Z',
            duration_seconds: 0.25,
            ok: false,
            reason: 'timeout',
            evidence: '4 of 4 packets lost',
            samples: 3,
            values: { ping_packet_loss: 1, strange: 'NaN' },
          },
          runs: 7,
          failures: 2,
          skipped: 1,
          missed: 0,
          aborted: 3,
          problem: null,
        },
      ],
    });
  });
});

test('a view that throws is a 500 and a log line', async () => {
  const { lines, log } = logLines();
  const view = viewWith({
    tasks: () => {
      throw new Error('broken view');
    },
  });
  await withEdge({ view, log }, async (edge) => {
    const reply = await ask(edge, '/api/v1/tasks');
    assert.equal(reply.status, 500);
    assert.ok(!reply.body.includes('broken'));
    assert.ok(lines.some((line) => line.err === 'broken view'));
  });
});

test('methods and paths', async () => {
  await withEdge({}, async (edge) => {
    const f = async (method: string, path: string, want: number) =>
      assert.equal((await ask(edge, path, method)).status, want, `${method} ${path}`);
    await f('GET', '/nothing', 404);
    await f('POST', '/nothing', 404);
    await f('GET', '/-/healthy/', 404);
    await f('GET', '/%zz', 404);
    await f('POST', '/metrics', 405);
    await f('DELETE', '/-/ready', 405);
    await f('OPTIONS', '/metrics', 405);

    assert.equal((await ask(edge, '/metrics', 'PUT')).headers.allow, 'GET, HEAD');
    const head = await ask(edge, '/api/v1/tasks', 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(head.body, '');
    assert.equal(
      head.headers['content-length'],
      String(Buffer.byteLength((await ask(edge, '/api/v1/tasks')).body)),
    );
  });
});

test('the Host header must be ours', async () => {
  await withEdge({ extraHosts: ['Probe.example'] }, async (edge) => {
    const f = async (host: string, want: number) =>
      assert.equal((await ask(edge, '/-/healthy', 'GET', { headers: { host } })).status, want, host);
    // addresses, localhost, a configured name
    await f('127.0.0.1', 200);
    await f('10.1.2.3:9872', 200);
    await f('[::1]:9872', 200);
    await f('localhost:1', 200);
    await f('LOCALHOST.', 200);
    await f('probe.example:9872', 200);
    // every other name
    await f('evil.example', 421);
    await f('127.0.0.1.evil.example', 421);
    await f('localhost.evil.example:9872', 421);
    await f('a b', 421);
    await f('user@localhost', 421);
  });
});

test('a foreign Origin may not change anything', async () => {
  await withEdge({}, async (edge) => {
    const host = new URL(edge.address!).host;
    const f = async (method: string, origin: string, want: number) =>
      assert.equal(
        (await ask(edge, '/metrics', method, { headers: { origin } })).status,
        want,
        `${method} ${origin}`,
      );
    await f('POST', 'http://evil.example', 403);
    await f('POST', 'null', 403);
    await f('POST', `https://${host}`, 403);
    await f('POST', `http://${host}`, 405);
    await f('GET', 'http://evil.example', 200);
    await f('HEAD', 'http://evil.example', 200);
  });
});

test('POST /-/reload tells what came of it, and of nobody else', async () => {
  let lines: readonly string[] = [];
  let reloads = 0;
  const view = viewWith({
    reload: async () => {
      reloads++;
      if (lines[0] === 'throw') throw new Error('oops');
      return lines.length === 0 ? { ok: true } : { ok: false, lines };
    },
  });
  await withEdge({ view }, async (edge) => {
    const post = async (headers = {}) => {
      const { status, body } = await ask(edge, '/-/reload', 'POST', { headers });
      return [status, body];
    };
    assert.deepEqual(await post(), [200, 'Configuration reloaded.\n']);
    lines = ['c.yaml:1:1: wrong', 'c.yaml:2:1: wrong too'];
    assert.deepEqual(await post(), [400, 'c.yaml:1:1: wrong\nc.yaml:2:1: wrong too\n']);
    lines = ['throw'];
    assert.deepEqual(await post(), [500, 'internal error; the log says more\n']);
    assert.equal(reloads, 3);
    assert.equal((await post({ origin: 'http://evil.example' }))[0], 403);
    const get = await ask(edge, '/-/reload');
    assert.deepEqual([get.status, get.headers.allow], [405, 'POST']);
    assert.equal(reloads, 3);
    assert.doesNotMatch(
      (await ask(edge, '/')).body,
      /href="\/-\/reload"/,
      'no link: a browser would only GET it',
    );
  });
});

test('close with a grace lets a request that has begun have its answer, and listens no more', async () => {
  const waiting: ((result: { ok: true }) => void)[] = [];
  const view = viewWith({ reload: () => new Promise((resolve) => waiting.push(resolve)) });
  const edge = edgeOf({ view });
  await edge.start();
  const { address } = edge;
  const asked = ask(edge, '/-/reload', 'POST');
  await until('the request', () => waiting.length === 1);
  const closed = edge.close(5000);
  const other = edgeOf({ listen: address!.slice('http://'.length) });
  await other.start();
  assert.equal(other.address, address, 'the place is free at once');
  waiting[0]!({ ok: true });
  const { status, headers } = await asked;
  assert.deepEqual([status, headers.connection], [200, 'close']);
  await closed;
  await other.close();
});

test('bodies and large headers are refused', async () => {
  await withEdge({}, async (edge) => {
    const reply = await ask(edge, '/metrics', 'POST', { headers: { 'content-length': '5' }, body: 'hello' });
    assert.equal(reply.status, 413);
    assert.equal(reply.headers.connection, 'close');
    assert.equal(
      (await ask(edge, '/metrics', 'GET', { headers: { 'transfer-encoding': 'chunked' }, body: 'x' })).status,
      413,
    );
    assert.equal((await ask(edge, '/metrics', 'GET', { headers: { long: 'x'.repeat(9000) } })).status, 431);
  });
});

test('connections beyond the limit are dropped', async () => {
  await withEdge({}, async (edge) => {
    const port = Number(new URL(edge.address!).port);
    const sockets = Array.from({ length: 70 }, () => connect(port, '127.0.0.1'));
    const dropped = await Promise.race(
      sockets.map(
        (socket) =>
          new Promise<boolean>((resolve) => socket.on('close', () => resolve(true)).on('error', () => {})),
      ),
    );
    assert.equal(dropped, true);
    for (const socket of sockets) socket.destroy();
  });
});

test('listen: where the edge may listen', async () => {
  const f = async (listen: string, want: RegExp) => {
    await withEdge({ listen }, async (edge) => {
      assert.match(edge.address!, want);
      assert.equal((await ask(edge, '/-/healthy')).status, 200);
    });
  };
  await f('127.0.0.1:0', /^http:\/\/127\.0\.0\.1:\d{2,5}$/);
  await f('[::1]:0', /^http:\/\/\[::1\]:\d{2,5}$/);
  await f('localhost:0', /^http:\/\/(127\.0\.0\.1|\[::1\]):\d{2,5}$/);

  const refused = (listen: string, want: RegExp) =>
    assert.throws(
      () => edgeOf({ listen }),
      (error: unknown) =>
        error instanceof SentinelError && error.code === 'SEN_CONFIG_INVALID' && want.test(error.message),
      listen,
    );
  refused('9872', /expected host:port/);
  refused('127.0.0.1:99999', /expected host:port/);
  refused('127.0.0.1', /expected host:port/);
  refused('::1:9872', /expected host:port/);
  refused('unix:run/x.sock', /absolute path/);
  refused('0.0.0.0:9872', /beyond loopback only with/);
  refused('[::]:9872', /beyond loopback only with/);
  refused('127.evil.example:9872', /beyond loopback only with/);
});

test('a socket file: mode 0600, a stale one replaced, a living one and a plain file left alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-http-'));
  const path = join(folder, 'a.sock');
  const listen = `unix:${path}`;
  try {
    await leaveStaleSocket(path);
    await withEdge({ listen }, async (edge) => {
      assert.equal(edge.address, listen);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal((await ask(edge, '/-/healthy')).status, 200);

      const second = edgeOf({ listen });
      await second.start();
      assert.equal(second.address, undefined);
      await second.close();
      assert.equal((await ask(edge, '/-/healthy')).status, 200);
    });
    assert.equal(existsSync(path), false);

    writeFileSync(path, 'mine');
    const third = edgeOf({ listen });
    await third.start();
    assert.equal(third.address, undefined);
    await third.close();
    assert.equal(existsSync(path), true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A socket file without a listener, as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { spawnSync } = await import('node:child_process');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.equal(existsSync(path), true);
}

test('a port in use: said once with the cure, tried again until it is free', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const { lines, log } = logLines();
  const waiting: { delayMs: number; run: () => void }[] = [];
  const clock: Clock = {
    ...systemClock,
    after(delayMs, run) {
      waiting.push({ delayMs, run });
      return { cancel: () => {} };
    },
  };
  const metrics = new Metrics();
  const edge = edgeOf({ listen: `127.0.0.1:${port}`, log, clock, metrics });
  await edge.start();
  assert.equal(edge.address, undefined);
  assert.match(metrics.render(), /^sentinel_http_listening\{listener="http"\} 0$/m);
  assert.match(
    String(lines[0]?.msg),
    new RegExp(
      `^cannot listen on "127.0.0.1:${port}": it is in use; stop the program .* or change http.listen`,
    ),
  );
  assert.equal(waiting[0]?.delayMs, 10_000);

  // still in use: no second line, but another try
  waiting[0]!.run();
  const deadline = Date.now() + 5000;
  const poll = async (done: () => boolean) => {
    while (!done()) {
      assert.ok(Date.now() < deadline, 'in time');
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await poll(() => waiting.length === 2);
  assert.equal(lines.length, 1);

  await new Promise((resolve) => other.close(resolve));
  waiting[1]!.run();
  await poll(() => edge.address !== undefined);
  assert.equal((await ask(edge, '/-/healthy')).status, 200);
  await edge.close();
  assert.equal(edge.address, undefined);
});

test('a socket whose path is too long for the kernel is said, not cut off', async () => {
  const { lines, log } = logLines();
  const edge = edgeOf({ listen: `unix:/tmp/${'x'.repeat(110)}.sock`, listener: 'control', log });
  await edge.start();
  assert.equal(edge.address, undefined);
  assert.match(String(lines[0]?.msg), /at most 107 bytes; change sentinel\.data_dir/);
  await edge.close();
});
