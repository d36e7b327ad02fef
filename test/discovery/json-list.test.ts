import assert from 'node:assert/strict';
import test from 'node:test';
import { parseJson } from '../../src/discovery/json-list.js';
import { TimeSlice } from '../../src/lib/index.js';

const read = (text: string | Buffer) => parseJson(Buffer.from(text as string), new TimeSlice());

/** Items with all that could be taken for the end of one. */
const ITEM = {
  'a"b': ['],[', '}\\', '\\"', 'ü\u{1f600}\u2028'],
  b: [[], {}, [{}], null, -1.5e3, true, '\n'],
};
const long = (count = 3000) => Array.from({ length: count }, (_, i) => ({ ...ITEM, i }));

test('JSON lists: long and short ones read as JSON.parse reads them', async () => {
  const f = async (text: string) => assert.deepEqual(await read(text), JSON.parse(text), text.slice(0, 50));
  for (const text of ['[]', ' [ ] ', '{}', '1', '"a"', 'null', '[1,[2],{"a":[3]}]']) await f(text);
  const text = JSON.stringify(long());
  assert.ok(text.length > 200_000);
  await f(text);
  await f(`\r\n\t ${JSON.stringify(long(), undefined, 3)}\n\n`);
  await f(`[${' '.repeat(200_000)}]`);
  await f(`[${' '.repeat(200_000)}1${' '.repeat(200_000)}, 2${' '.repeat(200_000)}]`);
  await f(JSON.stringify([['x'.repeat(300_000)], 1, 'y'.repeat(300_000)]));
  await f(JSON.stringify(['x'.repeat(70_000), 'y'.repeat(70_000)]));
  await f(JSON.stringify({ a: long() }));
  // what is no UTF-8 becomes U+FFFD, wherever a portion ends
  const plain = Buffer.from(text.replaceAll('ü', '#'));
  for (let i = 0; i < plain.length; i++) if (plain[i] === 35) plain[i] = 0xc3;
  assert.deepEqual(await read(plain), JSON.parse(plain.toString('utf8')));
});

test('JSON lists: what is wrong in a long one, and where', async () => {
  const text = JSON.stringify(long());
  const f = (broken: string, want: RegExp) =>
    assert.rejects(read(broken), (error: Error) => {
      assert.match(error.message, /^this is not JSON/);
      assert.match(error.message, want);
      assert.throws(() => JSON.parse(broken));
      return true;
    });
  const at = text.lastIndexOf('"i":1500');
  const place = (offset: number) => new RegExp(`position ${offset}\\)$`);
  await f(`${text.slice(0, at)}"i" 1500${text.slice(at + 8)}`, place(at + 4));
  await f(`${text} x`, /position/);
  await f(`${text}]`, /position/);
  await f(`${text.slice(0, -1)}`, /ends too early|position/);
  await f(`${text.slice(0, -1)},]`, /./);
  await f(`${text.slice(0, -1)}}`, /position/);
  await f(`[,${text.slice(1)}`, /./);
  await f(`[${' '.repeat(70_000)},${text.slice(1)}`, /position/);
  await f(text.slice(0, at), /ends too early|position/);
  await f(text.replace('"i":1000', '"i":"1000'), /./);
  // of a part that is not JSON nothing is shown: it may be a secret
  await assert.rejects(
    read(`${text.slice(0, -1)},hunter2]`),
    (error: Error) => !error.message.includes('hunter2'),
  );
});

test('JSON lists: others have their turn while a long one is read', async () => {
  let turns = 0;
  const count = () => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  await parseJson(Buffer.from(JSON.stringify(long(10_000))), new TimeSlice(0));
  clearImmediate(timer);
  assert.ok(turns > 10, `${turns} turns`);
});
