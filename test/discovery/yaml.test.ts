import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseYaml as parse } from '../../src/discovery/yaml.js';
import { TimeSlice } from '../../src/lib/index.js';

const parseYaml = (text: string) => parse(text, new TimeSlice());

import { SentinelError } from '../../src/lib/index.js';

async function fault(text: string): Promise<string> {
  try {
    await parseYaml(text);
  } catch (error) {
    assert(error instanceof SentinelError, String(error));
    assert.equal(error.code, 'SEN_DISCOVERY');
    return error.message;
  }
  return '';
}

test('YAML of targets: scalars are texts as they are written', async () => {
  const f = async (text: string, want: unknown) => assert.deepEqual(await parseYaml(text), want, text);

  await f('a: 1.10', { a: '1.10' });
  await f('a: 0x1F\nb: yes\nc: 2026-01-01\nd: .inf\n', { a: '0x1F', b: 'yes', c: '2026-01-01', d: '.inf' });
  await f('9100: "null"', { '9100': 'null' });
  // nothing
  await f('', null);
  await f('# a comment', null);
  await f('a:\nb: ~\nc: null\nd: ""\n', { a: null, b: null, c: null, d: '' });
  await f('-\n- a', [null, 'a']);
  // JSON is YAML
  await f('[{"targets": ["a:1"], "labels": {"b": "c\\n"}}]', [{ targets: ['a:1'], labels: { b: 'c\n' } }]);
  // anchors and merge keys
  await f('- &a {x: 1}\n- *a\n- <<: *a\n  y: 2\n- <<: [*a]\n  x: 3', [
    { x: '1' },
    { x: '1' },
    { x: '1', y: '2' },
    { x: '3' },
  ]);
});

test('YAML of targets: what is wrong is told with its line', async () => {
  const f = async (text: string, want: RegExp) => assert.match(await fault(text), want);

  await f('- a: 1\n  a: 2\n', /^line 2: the key "a" is there twice$/);
  await f('- [a\n', /^line 2: /);
  await f('- a: "secret\n', /^line 2: (?!.*secret)/);
  await f('- ? {a: b}\n  : c\n', /^line 1: a key must be a text$/);
  await f('- *nobody\n', /^line 1: this alias has no anchor before it$/);
  await f('a: 1\n---\nb: 2\n', /^line 2: the file holds more than one document$/);
  await f(`${'['.repeat(100)}${']'.repeat(100)}`, /nested more than 16 levels/);
  // an alias that holds itself, and few lines that hold a billion values
  await f('- &a [*a]\n', /^line 1: /);
  let bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n';
  for (let i = 1; i < 12; i++)
    bomb += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(',')}]\n`;
  await f(bomb, /more than 2000000 values/);
});

/** A list at the left margin, long enough to be parsed in portions. */
function longList(groups: number): string {
  let text = '# made by a program\n\n';
  for (let i = 0; i < groups; i++)
    text += `- targets: ['n${i}:1']\n  labels:\n    note: |\n      - no item\n\n      - nor this\n${i % 3 === 0 ? '\n# a comment\n' : ''}`;
  return text;
}

test('YAML of targets: a long list is parsed in portions, with the same result', async () => {
  const list = (await parseYaml(longList(1000))) as { targets: string[]; labels: { note: string } }[];
  assert.equal(list.length, 1000);
  assert.deepEqual(
    list.map(({ targets }) => targets[0]),
    Array.from({ length: 1000 }, (_, i) => `n${i}:1`),
  );
  assert(list.every(({ labels }) => labels.note === '- no item\n\n- nor this\n'));
  // faults far inside keep their line
  const lines = longList(1000).split('\n');
  const at = lines.findIndex((line) => line.includes('n700:1'));
  lines[at] = '- targets: [a:1]';
  lines.splice(at + 1, 0, '  targets: [b:1]');
  assert.equal(await fault(lines.join('\n')), `line ${at + 2}: the key "targets" is there twice`);
  // not a list
  assert.match(await fault(`a: 1\n${longList(1000)}`), /^line \d+: /);
  assert.match(await fault(`${longList(1000)}a: 1\n`), /^line \d+: /);
  assert.match(await fault(`${longList(1000)}---\n${longList(10)}`), /more than one document/);
  assert.equal(((await parseYaml(`---\n${longList(1000)}`)) as unknown[]).length, 1000);
  // a list that is not at the margin, and one with an anchor, are parsed whole
  const indented = longList(300).replace(/^(?=.)/gm, '  ');
  assert.equal(((await parseYaml(indented)) as unknown[]).length, 300);
  const anchored = longList(300).replace("['n7:1']", "&seven ['n7:1']");
  assert.equal(((await parseYaml(anchored)) as unknown[]).length, 300);
});

test('YAML of targets: other timers go on while a long list is parsed', async () => {
  let turns = 0;
  const count = () => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  await parseYaml(longList(3000));
  clearImmediate(timer);
  assert(turns > 5, `${turns} turns`);
});

test('YAML of targets: any text gives values or a typed error', async () => {
  const piece = fc.constantFrom(
    '- ',
    'targets',
    ': ',
    '[',
    ']',
    '{',
    '}',
    'a:1',
    '\n',
    '  ',
    '&a',
    '*a',
    '|',
    '"',
    "'",
    '#',
    '!',
    '<<',
    '---',
    '~',
    ',',
    '\t',
    '?',
    '%',
  );
  const texts = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      await fault(text);
      await fault(text + '\n'.repeat(9000) + text);
    }),
    { numRuns: 300 },
  );
});
