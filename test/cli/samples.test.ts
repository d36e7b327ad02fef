import assert from 'node:assert/strict';
import test from 'node:test';
import { resultLine } from '../../src/cli/result-line.js';
import { numberJson, readableValue, samplesText } from '../../src/cli/samples.js';
import { table } from '../../src/cli/terminal.js';
import type { TaskStatus } from '../../src/probe/index.js';
import type { Sample } from '../../src/sdk/index.js';
import { demoPlugin } from './demo-plugin.js';

const definition = demoPlugin('Line\nfeed \\ slash.');

test('samples as the text format: names together, head where declared, values and labels as it wants them', () => {
  const f = (samples: Sample[], want: string) => assert.equal(samplesText(samples, definition), want);
  f([], '');
  f([{ name: 'x', value: 1 }], 'x 1');
  f([{ name: 'x', value: Number.NaN, labels: { q: 'a"b\\c\nd' } }], 'x{q="a\\"b\\\\c\\nd"} NaN');
  f([{ name: 'x', value: -Infinity, timestampMs: 1700000000000 }], 'x -Inf 1700000000000');
  f(
    [
      { name: 'demo_a', labels: { l: '1' }, value: 1 },
      { name: 'other', value: 2 },
      { name: 'demo_a', labels: { l: '2' }, value: 3 },
    ],
    '# HELP demo_a Line\\nfeed \\\\ slash.\n# TYPE demo_a gauge\ndemo_a{l="1"} 1\ndemo_a{l="2"} 3\nother 2',
  );
});

test('readable values carry the unit of their name', () => {
  const f = (name: string, value: number, want: string) => assert.equal(readableValue(name, value), want);
  f('ping_rtt_ms', 0.123456789, '0.123457 ms');
  f('probe_duration_seconds', 2, '2 s');
  f('size_bytes', 1500, '1500 B');
  f('ping_packet_loss', 0.25, '0.25');
  f('x', 1234567890123, '1234567890123');
  f('x_ms', Number.NaN, 'NaN ms');
});

test('numbers in JSON', () => {
  assert.deepEqual([1.5, Infinity, -Infinity, Number.NaN].map(numberJson), [1.5, '+Inf', '-Inf', 'NaN']);
});

test('tables', () => {
  assert.equal(
    table(
      [
        ['a', 'bb', 'c'],
        ['aaa', 'b', ''],
      ],
      ' ',
    ),
    ' a    bb  c\n aaa  b',
  );
  assert.equal(table([]), '');
});

test('a result on one line', () => {
  const task = { id: 'gw', target: 'http://u:p@192.0.2.1/' };
  const last = {
    startedMs: 0,
    durationSeconds: 0.25,
    ok: true,
    values: { probe_success: 1, ping_rtt_ms: 0.5, ping_packet_loss: 0 },
  };
  const f = (changes: object, want: RegExp) =>
    assert.match(resultLine({ task, last: { ...last, ...changes } } as unknown as TaskStatus), want);
  f(
    {},
    /^\d\d:\d\d:\d\d gw http:\/\/<secret>@192\.0\.2\.1\/ ok after 250 ms: ping_rtt_ms 0\.5 ms, ping_packet_loss 0$/,
  );
  f({ evidence: '4 of 4 answered' }, / ok after 250 ms: 4 of 4 answered$/);
  f(
    { ok: false, reason: 'timeout', evidence: '4 of 4 lost' },
    / FAILED \(timeout\) after 250 ms: 4 of 4 lost$/,
  );
});
