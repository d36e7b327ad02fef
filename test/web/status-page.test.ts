import assert from 'node:assert/strict';
import { parse } from 'node:querystring';
import test from 'node:test';
import type { HttpView } from '../../src/http/index.js';
import type { TaskStatus } from '../../src/probe/index.js';
import { ask, viewWith, withEdge } from '../http/kit.js';
import { destination, pool, target, task } from '../http/statuses.js';
import { ManualClock } from '../manual-clock.js';
import { needServer } from '../servers.js';
import { EVIL, NOW, pageAt, readAt80Columns, TEXT_BROWSER, textOf } from './page.js';

const pageOf = (view: Partial<HttpView>, query = '') => pageAt(`/${query}`, view);

test('is data arriving? The first line says it', async () => {
  const f = async (view: Partial<HttpView>, want: string) => {
    const page = await pageOf(view);
    assert.match(page, new RegExp(`<p class="verdict (ok|warn|bad)">${want}</p>`));
    assert.match(page, new RegExp(`<title>agent1: ${want}</title>`));
  };
  const withDestinations = (...destinations: ReturnType<typeof destination>[]) => ({
    destinations: () => destinations,
  });
  await f({}, 'No destination: samples are sent nowhere.');
  await f(withDestinations(destination()), 'Data is arriving.');
  await f(withDestinations(destination({ lastSuccessMs: undefined })), 'Nothing has been delivered yet.');
  await f(
    withDestinations(destination(), destination({ name: 'b', state: 'failing', lastError: 'x' })),
    'Samples are kept and sent again: b.',
  );
  await f(
    {
      ...withDestinations(destination({ state: 'late' })),
      ready: () => ({ ready: false, reasons: ['destination vm: 7 samples pending'] }),
    },
    'Data is not arriving.',
  );
});

test('destinations, tasks and hosts, with what is wrong', async () => {
  const page = textOf(
    await pageOf({
      destinations: () => [
        destination({
          state: 'late',
          lastError: '503 wait',
          pendingSamples: 70,
          pendingBytes: 2048,
          oldestPendingMs: NOW - 150_000,
          failedSamples: 4,
        }),
      ],
      tasks: () => [
        task('good', { ok: true, evidence: '4 of 4' }, NOW - 5000),
        {
          ...task('bad', { ok: false, reason: 'timeout', evidence: 'no answer' }, NOW - 65_000),
          skipped: 2,
          missed: 1,
        },
        { ...task('stuck', undefined, NOW), problem: 'its plugin did not load' },
      ],
      hosts: () => [
        { lane: 'ping', pid: 4711, tasks: 1, restarts: 2, loopDelayMs: 12.4 },
        { lane: 'probe', pid: undefined, tasks: 1, restarts: 0, loopDelayMs: 0 },
      ],
      ready: () => ({ ready: false, reasons: ['destination vm is late'] }),
    }),
  );
  for (const want of [
    'destination vm is late',
    'late vm http://vm:8428/api/v1/write 503 wait 4 samples lost 2m30s 70 samples 2 KiB 1m ago',
    '3 in all &middot; 1 blocked &middot; 1 failed &middot; 1 ok',
    'stuck http http://192.0.2.1/?token=&lt;secret&gt; never its plugin did not load',
    'failed bad http http://192.0.2.1/?token=&lt;secret&gt; 1m5s ago timeout: no answer (2 skipped, 1 missed)',
    'ok good http http://192.0.2.1/?token=&lt;secret&gt; 5s ago 4 of 4',
    'ping 4711 1 2 12 ms',
    'probe down 1 0 0 ms',
    'up 1m, memory',
  ])
    assert.ok(page.includes(want), `${want}\nis not in\n${page}`);
  assert.ok(page.indexOf('stuck http') < page.indexOf('bad http'));
  assert.ok(page.indexOf('bad http') < page.indexOf('good http'));
});

test('targets in one line, with a link to what is down', async () => {
  const f = async (healths: readonly ('up' | 'down' | 'unknown')[], want: string) => {
    const active = healths.map((health) => target('a:1', { health }));
    const page = await pageOf({ pools: () => [pool('a', { active }), pool('b', { active })] });
    assert.ok(textOf(page).includes(want), textOf(page));
    assert.equal(/href="\/targets\?health=down"/.test(page), healths.includes('down'));
  };
  await f(['up', 'down', 'unknown'], 'Targets 6 in all : 2 up, 2 down , 2 not scraped yet');
  await f(['up'], 'Targets 2 in all : 2 up, 0 down');
  // without any there is no such line
  assert.doesNotMatch(textOf(await pageOf({})), /Targets/);
});

test('a refused reload is said; what changes something is no link', async () => {
  const taken = await pageOf({});
  assert.doesNotMatch(taken, /reload was refused/);
  assert.doesNotMatch(taken, /href="\/-\/reload/);
  const runtime = () => ({ ...viewWith().runtime(), reloaded: false });
  assert.match(await pageOf({ runtime }), /The last reload was refused/);
});

test('nothing from outside becomes markup, and no secret is shown', async () => {
  const evil: TaskStatus = { ...task(EVIL, { ok: false, reason: 'mismatch', evidence: EVIL }, NOW) };
  const page = await pageOf(
    {
      tasks: () => [evil, { ...evil, problem: EVIL }],
      destinations: () => [destination({ name: EVIL, lastError: EVIL, state: 'failing' })],
      hosts: () => [{ lane: EVIL, pid: 1, tasks: 1, restarts: 0, loopDelayMs: 0 }],
      ready: () => ({ ready: false, reasons: [EVIL] }),
      runtime: () => ({ ...viewWith().runtime(), name: EVIL }),
    },
    `?q=${encodeURIComponent(EVIL)}&state=${encodeURIComponent(EVIL)}&page=${encodeURIComponent(EVIL)}`,
  );
  assert.doesNotMatch(page, /<script|onload='|<!--|hunter2/);
  assert.equal(page.match(/<\/style>/g)?.length, 1);
  // no script, nothing from elsewhere
  assert.doesNotMatch(page, /<script|<img|<link|<iframe|src=|https?:\/\/(?!vm:|192)/);
});

test('5,000 tasks: the failing ones first, 200 on a page, found by a filter, and quick', async () => {
  const tasks = Array.from({ length: 5000 }, (_, i) =>
    task(`task-${i}`, i % 10 === 7 ? { ok: false, reason: 'timeout' } : { ok: true }, NOW),
  );
  const rows = (page: string) => [...page.matchAll(/<td>(task-\d+) /g)].map((match) => match[1]);
  const first = await pageOf({ tasks: () => tasks });
  assert.equal(rows(first).length, 200);
  assert.equal(rows(first)[0], 'task-7');
  assert.match(textOf(first), /5000 in all, page 1 of 25 next/);
  assert.ok(first.length < 150_000, `${first.length} characters`);

  const third = await pageOf({ tasks: () => tasks }, '?page=3');
  assert.match(textOf(third), /page 3 of 25 back next/);
  assert.equal(rows(third)[0], 'task-4007');
  assert.match(textOf(await pageOf({ tasks: () => tasks }, '?page=999')), /page 25 of 25 back/);
  assert.match(textOf(await pageOf({ tasks: () => tasks }, '?page=-1e9')), /page 1 of 25 next/);

  const failed = await pageOf({ tasks: () => tasks }, '?state=failed&q=task-49');
  assert.deepEqual(rows(failed), ['task-497', ...Array.from({ length: 10 }, (_, i) => `task-49${i}7`)]);
  const more = await pageOf({ tasks: () => tasks }, '?state=failed&page=2');
  const next = /href="\/\?([^"]*)">next</.exec(more)![1]!.replaceAll('&amp;', '&');
  assert.deepEqual({ ...parse(next) }, { state: 'failed', page: '3' });

  const view = viewWith({ tasks: () => tasks });
  await withEdge({ view, clock: new ManualClock(NOW) }, async (edge) => {
    const times: number[] = [];
    for (let i = 0; i < 15; i++) {
      const start = performance.now();
      await ask(edge, '/?q=task');
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    assert.ok(times[7]! < 1000, `the median of a page is ${times[7]} ms`);
  });
});

test('a text browser of 80 columns can read it', async (t) => {
  if (!needServer(TEXT_BROWSER, t)) return;
  const page = await pageOf({
    destinations: () => [destination({ lastError: `${'no route to host; '.repeat(8)}`, state: 'failing' })],
    tasks: () => [
      task(
        'a-task-with-quite-a-long-name',
        { ok: false, reason: 'timeout', evidence: 'x y '.repeat(40) },
        NOW,
      ),
    ],
  });
  assert.match(readAt80Columns(page), /a-task-with-quite-a-long-name/);
});
