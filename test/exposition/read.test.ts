import assert from 'node:assert/strict';
import test from 'node:test';
import { type ExpositionOptions, ExpositionReader, parseExposition } from '../../src/exposition/index.js';
import { nodePage } from './page.js';

const TEXT = 'text/plain; version=0.0.4';

function asText(page: Awaited<ReturnType<typeof parseExposition>>): string {
  return page.samples
    .map(({ name, labels, value, timestampMs }) => {
      const pairs = Object.entries(labels).map(([key, text]) => `${key}=${text}`);
      return `${name}{${pairs}} ${value}${timestampMs === undefined ? '' : ` @${timestampMs}`}`;
    })
    .join('; ');
}

test('read: samples of one page', async () => {
  const f = async (page: string, want: string, options: ExpositionOptions = {}) =>
    assert.equal(asText(await parseExposition(Buffer.from(page), TEXT, options)), want);

  await f('a 1\n# TYPE b gauge\nb{c="d",e="f"} 2 5', 'a{} 1; b{c=d,e=f} 2 @5');
  await f('a{b="",c="d"} 1', 'a{c=d} 1');
  await f('{"a.b","__proto__"="x"} 1', 'a.b{__proto__=x} 1');
  // repeated series: the first counts, unless they have timestamps
  await f('a 1\na 2\nb 3\na 4', 'a{} 1; b{} 3');
  await f('a 1 1\na 2 2\na 3', 'a{} 1 @1; a{} 2 @2');
  await f('a 1\na 2 2', 'a{} 1; a{} 2 @2');
  await f('a 1 1\na 2 2', 'a{} 1', { honorTimestamps: false });
  // the same labels in another text are not seen as repeated, as in Prometheus
  await f('a{b="1",c="2"} 1\na{c="2",b="1"} 2', 'a{b=1,c=2} 1; a{b=1,c=2} 2');
  await f('', '');
});

test('read: what stood on the page is counted', async () => {
  const { scraped, repeated, samples } = await parseExposition(
    Buffer.from('a 1\na 2\n# HELP a b\nb 3\n'),
    TEXT,
  );
  assert.deepEqual([scraped, repeated, samples.length], [3, 1, 2]);
});

test('read: an empty body needs no Content-Type', async () => {
  assert.deepEqual(await parseExposition(Buffer.alloc(0), 'text/html'), {
    samples: [],
    scraped: 0,
    repeated: 0,
  });
});

test('read: the format follows the Content-Type, else the fallback', async () => {
  const page = Buffer.from('a 1 2\n# EOF\n');
  assert.equal(asText(await parseExposition(page, TEXT)), 'a{} 1 @2');
  assert.equal(asText(await parseExposition(page, 'application/openmetrics-text')), 'a{} 1 @2000');
  assert.equal(asText(await parseExposition(page, '', { fallback: 'openmetrics' })), 'a{} 1 @2000');
  await assert.rejects(parseExposition(page, ''), { code: 'SEN_EXPOSITION_INVALID' });
});

test('read: a sample limit fails the page', async () => {
  const page = Buffer.from('a 1\nb 2\nb 3\nc 4\n');
  await parseExposition(page, TEXT, { sampleLimit: 3 });
  await assert.rejects(parseExposition(page, TEXT, { sampleLimit: 2 }), {
    code: 'SEN_LIMIT',
    message: 'sample limit exceeded: more than 2 (sample_limit)',
  });
});

test('reader: gives the same as a fresh one, page after page', async () => {
  const reader = new ExpositionReader();
  const f = async (page: string) => {
    const fresh = await parseExposition(Buffer.from(page), TEXT).catch((error: Error) => error.message);
    const kept = await reader.read(Buffer.from(page), TEXT).catch((error: Error) => error.message);
    assert.deepEqual(kept, fresh);
  };

  await f('a 1\nb{c="d"} 2\n');
  await f('a 3\nb{c="d"} 4\n');
  // a new line in front, one less at the end
  await f('x 1\na 3\n');
  // repeated, moved, repeated again
  await f('a 1\na 2\nx 3\n');
  await f('x 3\na 1\na 2\n');
  // a page that fails half-way
  await f('a 1\nq 5\n!');
  await f('a 1\nq 5\nx 9\n');
  await f('');
  await f('x{l="1"} 1\nx{l="2"} 1\nx{l="3"} 1\n');
  await f('x{l="2"} 1\nx{l="3"} 1\nx{l="1"} 1\n');
  // bytes that are one character each as a key
  await f('x{l="ü"} 1\nx{l="😀"} 1\n');
  await f('x{l="ü"} 1\nx{l="😀"} 2\n');
});

test('reader: an unchanged page keeps its label objects', async () => {
  const reader = new ExpositionReader();
  const first = await reader.read(Buffer.from('a{b="c"} 1\n'), TEXT);
  const second = await reader.read(Buffer.from('a{b="c"} 2\n'), TEXT);
  assert.equal(first.samples[0]!.labels, second.samples[0]!.labels);
  await reader.read(Buffer.from('other 1\n'), TEXT);
  const third = await reader.read(Buffer.from('a{b="c"} 3\n'), TEXT);
  assert.notEqual(first.samples[0]!.labels, third.samples[0]!.labels, 'a series that went is forgotten');
});

test('read: an aborted signal ends it with the reason', async () => {
  const page = nodePage(2 ** 22);
  const controller = new AbortController();
  const reading = parseExposition(page, TEXT, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(reading, /enough/);
});

test('read: a long page lets other work through', async () => {
  const page = nodePage(2 ** 21);
  const reader = new ExpositionReader();
  await reader.read(page, TEXT);
  let turns = 0;
  let reading = true;
  const count = () => {
    turns++;
    if (reading) setImmediate(count);
  };
  setImmediate(count);
  const { samples } = await parseExposition(page, TEXT);
  reading = false;
  assert.ok(samples.length > 20_000);
  assert.ok(turns >= 3, `${turns} turns of the loop while 2 MB were read`);
});
