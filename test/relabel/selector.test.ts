import assert from 'node:assert/strict';
import test from 'node:test';
import { SentinelError } from '../../src/lib/index.js';
import { labelsToMap } from '../../src/model/index.js';
import { parseSelector, parseSeries } from '../../src/relabel/index.js';
import { labels } from './rules.js';

const f = (selector: string, series: string, want: boolean) =>
  assert.equal(parseSelector(selector).matches(labels(series)), want, `${selector} on ${series}`);

test('a selector', () => {
  f('up', '__name__: up, a: x', true);
  f('up', '__name__: upper', false);
  f('job:up:sum', '__name__: "job:up:sum"', true);
  f('{}', 'a: x', true);
  f('{a="x"}', 'a: x', true);
  f(' up { a = "x" , b != "y" , } ', '__name__: up, a: x', true);
  f('up{a="x"}', '__name__: down, a: x', false);
  f('{a!="x"}', 'b: y', true);
  f('{a=""}', 'b: y', true);
  f('{a=~"x.*|y"}', 'a: y', true);
  f('{a=~"x"}', 'a: xx', false);
  f('{a=~".*"}', 'b: y', true);
  f('{a=~".+"}', 'b: y', false);
  f('{a!~"x.+"}', 'a: x', true);
  f('{__name__=~"node_.*",job="a"}', '__name__: node_x, job: a', true);
  // names in quotes
  f('{"a.metric", "a label"="x"}', '__name__: a.metric, a label: x', true);
  f('{"a.metric"}', '__name__: other', false);
  // groups; the name holds for all of them
  f('up{a="x" or b="y"}', '__name__: up, b: y', true);
  f('up{a="x" or b="y"}', '__name__: down, b: y', false);
  f('{a="x",c="z" or b="y"}', 'a: x', false);
});

test('quotes and escapes', () => {
  f(`{a='it is "x"'}`, `a: 'it is "x"'`, true);
  f('{a="\\"\\\\\\n\\t"}', 'a: "\\"\\\\\\n\\t"', true);
  f('{a=`\\n`}', "a: '\\n'", true);
  f('{a="\\x41\\101\\u00e9\\U0001F600"}', 'a: AAé😀', true);
  f('{a="\\xc3\\xa9"}', 'a: é', true);
  f('{a="\\\\x41"}', "a: '\\x41'", true);
  f('{a=~"\\\\d+"}', "a: '12'", true);
});

test('what is no selector says where', () => {
  const g = (text: string, message: RegExp) =>
    assert.throws(
      () => parseSelector(text),
      (error: unknown) => {
        assert.ok(error instanceof SentinelError && error.code === 'SEN_CONFIG_INVALID', String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  g('', /expected a series selector such as name\{label="value"\}, got the end/);
  g('1', /expected a series selector/);
  g('{', /expected a label, got the end/);
  g('{a', /expected one of = != =~ !~, got the end/);
  g('{a=b}', /expected a value in quotes, got "b\}"/);
  g('{a="b', /expected a value in quotes/);
  g('{a="b"', /expected a comma, "or" or \}, got the end/);
  g('{a="b" and c="d"}', /expected a comma, "or" or \}/);
  g('{a="b" or}', /expected a label/);
  g('{,}', /expected a label/);
  g('up[5m]', /nothing may follow the selector, got "\[5m\]"/);
  g('up{} offset 5m', /nothing may follow/);
  g('up{__name__="x"}', /the name of the metric is given twice/);
  g('up{"x"}', /the name of the metric is given twice/);
  g('{a="\\q"}', /unknown escape sequence \\q/);
  g('{a="\\xff"}', /the escaped bytes are not UTF-8/);
  g('{a="\\ud800"}', /is no character/);
  g('{a=~"("}', /missing closing/);
});

test('one series', () => {
  const g = (text: string, want: Record<string, string>) =>
    assert.deepEqual(labelsToMap(parseSeries(text)), want);
  g('up', { __name__: 'up' });
  g('{}', {});
  g('up{b="y",a="x",c=""}', { __name__: 'up', a: 'x', b: 'y' });
  assert.throws(() => parseSeries('{a=~"x"}'), /is not one series: it holds =~/);
  assert.throws(() => parseSeries('{a="x" or b="y"}'), /is not one series: it holds "or"/);
  assert.throws(() => parseSeries('{a="x",a="y"}'), /the label a is given twice/);
});
