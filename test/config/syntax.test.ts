import assert from 'node:assert/strict';
import test from 'node:test';
import { faults } from './fixture.js';

test('slips of YAML: where they are, and in the words of one who does not know its grammar', async () => {
  const f = async (text: string, ...want: string[]) => assert.deepEqual(await faults(text), want);
  const task = 'tasks:\n  - id: a\n';

  // indentation
  await f(`${task}    plugin: ping\n   config:\n`, '4:1: the indentation does not fit the lines above');
  await f(
    `${task}      plugin: ping\n`,
    '2:9: a value and keys below it; check the indentation, and quote a text that holds ": "',
  );
  await f(`${task}\tplugin: ping\n`, '3:1: tabs are not allowed as indentation');
  // a colon is missing, or one too many
  await f('tasks\n  - id: a\n', '1:1: a key needs a colon and a space behind it');
  await f(
    'sentinel:\n  name: a: b\n',
    '2:9: a value and keys below it; check the indentation, and quote a text that holds ": "',
  );
  // a quote that is not closed: where it opens
  await f(`${task}    plugin: "ping\n`, '3:13: this text has no closing quote');
  await f(`${task}    plugin: 'it''s\n`, '3:13: this text has no closing quote');
});
