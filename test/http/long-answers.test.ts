import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import test from 'node:test';
import type { HttpEdge } from '../../src/http/index.js';
import type { ActiveTarget, PoolStatus, TargetStatus } from '../../src/scrape/index.js';
import { until } from '../until.js';
import { ask, edgeOf, logLines, viewWith, withEdge } from './kit.js';
import { pool, target } from './statuses.js';

/** A job of many targets that counts the statuses that are made of them. */
class Fleet {
  /** Statuses that were made. */
  made = 0;
  /** In the one turn of the loop in which most were made. */
  most = 0;
  /** Throws in place of this status. */
  failAt = Infinity;
  #inTurn = 0;
  #timer: NodeJS.Immediate;
  readonly #targets: readonly ActiveTarget[];

  constructor(count: number) {
    this.#targets = Array.from({ length: count }, (_, i) => ({
      health: 'up',
      status: () => this.#status(i),
    }));
    const turn = () => {
      this.#inTurn = 0;
      this.#timer = setImmediate(turn);
    };
    this.#timer = setImmediate(turn);
  }

  pools(): PoolStatus[] {
    return [{ ...pool('node'), active: () => this.#targets }];
  }

  stop(): void {
    clearImmediate(this.#timer);
  }

  #status(i: number): TargetStatus {
    if (this.made === this.failAt) throw new Error('this status cannot be made');
    this.made++;
    this.most = Math.max(this.most, ++this.#inTurn);
    return target(`host-${i}:9100`);
  }
}

async function withFleet(count: number, run: (edge: HttpEdge, fleet: Fleet) => Promise<void>): Promise<void> {
  const fleet = new Fleet(count);
  try {
    await withEdge({ view: viewWith({ pools: () => fleet.pools() }) }, (edge) => run(edge, fleet));
  } finally {
    fleet.stop();
  }
}

/** A client that has asked and does not read. */
function stalled(edge: HttpEdge, ...paths: string[]): Socket {
  const socket = connect(Number(new URL(edge.address!).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  for (const path of paths) socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  return socket;
}

test('what needs names or numbers alone makes no status of a target, a page those of its rows', async () => {
  await withFleet(10_000, async (edge, fleet) => {
    const f = async (path: string, want: number) => {
      fleet.made = 0;
      assert.equal((await ask(edge, path)).status, 200);
      assert.equal(fleet.made, want, path);
    };
    await f('/', 0);
    await f('/api/v1/scrape_pools', 0);
    await f('/api/v1/jobs', 0);
    await f('/api/v1/targets?state=dropped', 0);
    await f('/api/v1/targets?state=active&health=down', 0);
    await f('/relabel-debug', 0);
    await f('/targets?health=down', 0);
    await f('/targets', 200);
    await f('/service-discovery?page=3', 200);
    await f('/api/v1/targets', 10_000);
  });
});

test('an answer of 10,000 targets is made in many turns of the loop, and is whole', async () => {
  await withFleet(10_000, async (edge, fleet) => {
    const reply = await ask(edge, '/api/v1/targets');
    const { activeTargets } = JSON.parse(reply.body).data;
    assert.equal(activeTargets.length, 10_000);
    assert.equal(activeTargets[9999].scrapeUrl, 'http://host-9999:9100/metrics');
    // A portion has 64 Ki characters, and each turn makes one.
    const perPortion = 65_536 / JSON.stringify(activeTargets[0]).length;
    assert.ok(fleet.most <= perPortion + 2, `${fleet.most} in a turn, ${perPortion} in a portion`);
    assert.equal(reply.headers['content-length'], undefined);
    const head = await ask(edge, '/api/v1/targets', 'HEAD');
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', undefined]);
  });
});

test('a search gives way to others also while it finds nothing', async () => {
  await withFleet(100_000, async (edge, fleet) => {
    const reply = await ask(edge, '/targets?q=nothing');
    assert.match(reply.body, /No target matches/);
    assert.equal(fleet.made, 100_000);
    assert.ok(fleet.most < 50_000, `${fleet.most} in a turn`);
    assert.equal(reply.headers['content-length'], String(Buffer.byteLength(reply.body)));
  });
});

test('a reader that stalls: no more is made than it can take, others are answered, and its end is the end', async () => {
  await withFleet(200_000, async (edge, fleet) => {
    const socket = stalled(edge, '/api/v1/targets');
    let before = -1;
    await until('the making to stop', async () => {
      const isOver = fleet.made > 0 && fleet.made === before;
      before = fleet.made;
      for (let i = 0; i < 20; i++) assert.equal((await ask(edge, '/api/v1/scrape_pools')).status, 200);
      return isOver;
    });
    assert.ok(fleet.made < 100_000, `${fleet.made} of 200,000`);
    socket.destroy();
    for (let i = 0; i < 20; i++) assert.equal((await ask(edge, '/api/v1/scrape_pools')).status, 200);
    assert.ok(fleet.made < 100_000, `${fleet.made} of 200,000`);
    assert.equal(JSON.parse((await ask(edge, '/api/v1/jobs')).body).data[0].up, 200_000);
  });
});

test('long answers that are begun are bounded, however many are asked for in one breath', async () => {
  await withFleet(10_000, async (edge, fleet) => {
    const asked = 1000;
    let begun = 0;
    const pools = fleet.pools.bind(fleet);
    fleet.pools = () => {
      begun++;
      return pools();
    };
    const socket = stalled(edge, ...Array.from({ length: asked }, () => '/api/v1/targets'));
    await until('one to be begun', () => begun > 0);
    assert.ok(begun < 100, `${begun} of ${asked}`);
    socket.destroy();
    await until('room', async () => (await ask(edge, '/metrics')).status === 200);
  });
});

test('many answers behind one another are no leak that Node warns of', async (t) => {
  const warnings: string[] = [];
  const note = (warning: Error) => void warnings.push(String(warning));
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  await withEdge({}, async (edge) => {
    const socket = stalled(edge, ...Array.from({ length: 15 }, () => ['/metrics', '/']).flat());
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.resume();
    await until('all answers', () => text.match(/HTTP\/1.1 200 OK/g)?.length === 30);
    socket.destroy();
  });
  assert.deepEqual(warnings, []);
});

test('HTTP/1.0 knows the end of a long answer by that of the connection: one that is cut has none', async () => {
  await withFleet(10_000, async (edge, fleet) => {
    fleet.failAt = 5000;
    const socket = connect(Number(new URL(edge.address!).port), '127.0.0.1');
    let error: NodeJS.ErrnoException | undefined;
    socket.on('error', (cause) => {
      error = cause;
    });
    socket.resume().write('GET /api/v1/targets HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n');
    await until('the end', () => socket.closed);
    assert.equal(error?.code, 'ECONNRESET');
  });
});

test('who asks and has nothing more to say gets the whole answer', async () => {
  await withFleet(10_000, async (edge) => {
    const whole = (await ask(edge, '/api/v1/targets')).body;
    const f = async (path: string, want: string) => {
      const port = Number(new URL(edge.address!).port);
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.end(`GET ${path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n`);
      await until(`the end of ${path}`, () => socket.closed);
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      assert.ok(body === want, `${path}: ${body.length} of ${want.length} characters`);
    };
    await f('/-/healthy', 'Sentinel is healthy.\n');
    await f('/api/v1/targets', whole);
    await f('/api/v1/targets?health=down', (await ask(edge, '/api/v1/targets?health=down')).body);
  });
});

test('an answer behind a long one whose reader stalls goes with their connection', async () => {
  const text = 'x'.repeat(2 ** 22);
  let asked = 0;
  const config = () => {
    asked++;
    return text;
  };
  const fleet = new Fleet(100_000);
  fleet.stop();
  await withEdge({ view: viewWith({ config, pools: () => fleet.pools() }) }, async (edge) => {
    for (let i = 0; i < 10; i++) {
      const socket = stalled(edge, '/api/v1/targets', '/api/v1/status/config');
      await until('both requests', () => asked === i + 1);
      socket.destroy();
    }
    await until('room', async () => (await ask(edge, '/metrics')).status === 200);
  });
});

test('what fails before the first portion is a 500, later the connection is cut; the log says so', async () => {
  const fleet = new Fleet(10_000);
  const { log, lines } = logLines();
  const edge = edgeOf({ log, view: viewWith({ pools: () => fleet.pools() }) });
  await edge.start();
  try {
    fleet.failAt = 1;
    assert.equal((await ask(edge, '/api/v1/targets')).status, 500);
    fleet.failAt = 5000;
    const socket = stalled(edge, '/api/v1/targets');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.resume();
    await until('the end', () => socket.destroyed);
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.ok(!text.endsWith('\r\n0\r\n\r\n'), 'it looks whole');
    const said = lines.map(({ msg, err }) => `${msg}: ${err}`).filter((line) => line.includes('cannot'));
    assert.deepEqual(said, [
      'cannot answer a request: this status cannot be made',
      'cannot answer a request to its end: this status cannot be made',
    ]);
    fleet.failAt = Infinity;
    assert.equal((await ask(edge, '/api/v1/targets')).status, 200);
  } finally {
    fleet.stop();
    await edge.close();
  }
});
