import assert from 'node:assert/strict';
import test from 'node:test';
import { renderReadme } from '../../src/cli/plugin-docs.js';
import { parseSample } from '../../src/cli/sample-file.js';
import { demoPlugin } from './demo-plugin.js';

const definition = demoPlugin('One | two.');

test('a README gets its blocks made anew, and nothing else of it changes', () => {
  const f = (readme: string, want: string) =>
    assert.equal(renderReadme(readme, definition, 'host: a\n'), want);
  f('# demo\n', '# demo\n');
  f(
    'before\n<!-- config:begin -->\nold\n<!-- config:end -->\nafter\n',
    'before\n<!-- config:begin -->\n```yaml\nhost: a\n```\n<!-- config:end -->\nafter\n',
  );
  f(
    '<!-- metrics:begin --><!-- metrics:end -->',
    '<!-- metrics:begin -->\n| metric | type | meaning |\n| --- | --- | --- |\n| `demo_a` | gauge | One \\| two. |\n<!-- metrics:end -->',
  );
  // a block without end is left alone
  f('<!-- config:begin -->\nold\n', '<!-- config:begin -->\nold\n');
});

test('the commented options of a sample', () => {
  const f = (text: string, want: Record<string, string>) =>
    assert.deepEqual(Object.fromEntries(parseSample(text).commented), want);
  f('', {});
  f('# A title (demo)\nhost: a\n', {});
  f('## What it is.\n# count: 4\n', { count: 'count: 4\n' });
  f('# tls:\n#   ca_file: /a\n#   more: 1\n\n# other: 1\n', {
    tls: 'tls:\n  ca_file: /a\n  more: 1\n',
    other: 'other: 1\n',
  });
  f('# list:\n# - a\n# - b\n## Next.\n#   not of it\n', { list: 'list:\n- a\n- b\n' });
});
