import test from 'node:test';
import { check as f } from './rules.js';

test('if', () => {
  // other labels are left alone
  f('a: x, job: node', `{if: '{job="node"}', target_label: b, replacement: y}`, 'a: x, b: y, job: node');
  f('a: x, job: db', `{if: '{job="node"}', target_label: b, replacement: y}`, 'unchanged');
  // a list, and `or` inside one
  const many = `{if: ['{job="node"}', 'up{a=~"x.*"}'], target_label: b, replacement: y}`;
  f('a: q, job: node', many, 'a: q, b: y, job: node');
  f('__name__: up, a: xx', many, '__name__: up, a: xx, b: y');
  f('__name__: down, a: xx', many, 'unchanged');
  const or = `{if: '{a="1" or c="2",d!="3"}', action: drop}`;
  f("a: '1', d: '3'", or, 'dropped');
  f("c: '2'", or, 'dropped');
  f("c: '2', d: '3'", or, 'unchanged');
  // keep drops what does not match, drop does not
  f('job: db', `{if: '{job="node"}', action: keep}`, 'dropped');
  f('job: node', `{if: '{job="node"}', action: keep}`, 'unchanged');
  f('job: db', `{if: '{job="node"}', action: drop}`, 'unchanged');
  f('job: node', `{if: '{job="node"}', action: drop}`, 'dropped');
  f('__name__: up, job: db', `{if: '{job="node"}', action: keep_metrics, regex: up}`, 'dropped');
  f('job: db', `{if: '{job="node"}', action: keep_if_equal, source_labels: [a, job]}`, 'unchanged');
  // it sees what rules before it wrote
  f(
    'job: db',
    `[{target_label: job, replacement: node}, {if: '{job="node"}', target_label: b, replacement: y}]`,
    'b: y, job: node',
  );
});

test('labels in a replacement', () => {
  f('a: x, b: y', `{target_label: c, replacement: '{{a}}-{{b}}'}`, 'a: x, b: y, c: x-y');
  f(
    'a: x, b: y',
    `{source_labels: [a], target_label: c, replacement: '$1/{{b}}/{{none}}'}`,
    'a: x, b: y, c: x/y/',
  );
  // a value is never expanded again
  f('a: $1, b: y', `{source_labels: [b], target_label: c, replacement: '{{a}}'}`, 'a: $1, b: y, c: $1');
  f('a: "{{b}}", b: y', `{source_labels: [a], target_label: c}`, 'a: "{{b}}", b: y, c: "{{b}}"');
  // no end, no reference; only in `replace`
  f('a: x', `{target_label: c, replacement: '{{a'}`, "a: x, c: '{{a'");
  f(
    'a: x',
    `{action: replace_all, source_labels: [a], regex: x, target_label: c, replacement: '{{a}}'}`,
    "a: x, c: '{{a}}'",
  );
});

test('regex as a list', () => {
  f('a: y1', '{action: keep, source_labels: [a], regex: [x, y.]}', 'unchanged');
  f('a: z', '{action: keep, source_labels: [a], regex: [x, y.]}', 'dropped');
});

test('replace_all', () => {
  const g = (value: string, regex: string, replacement: string, want: string) =>
    f(
      `a: '${value}'`,
      `{action: replace_all, source_labels: [a], target_label: a, regex: '${regex}', replacement: '${replacement}'}`,
      `a: '${want}'`,
    );
  g('a-b-c', '-', '_', 'a_b_c');
  g('abc', 'x', 'y', 'abc');
  g('a1b22', '([0-9]+)', '<$1>', 'a<1>b<22>');
  // anchors mean the text's ends, once
  g('aaa', '^a', 'b', 'baa');
  g('aaa', 'a$', 'b', 'aab');
  // empty matches, as Go's ReplaceAll has them
  g('abc', 'x*', '-', '-a-b-c-');
  g('abac', 'b*', '-', '-a-a-c-');
  g('😀é', '', '.', '.😀.é.');
  // nothing is replaced: the target is left alone
  f(
    'a: x',
    '{action: replace_all, source_labels: [a], target_label: b, regex: y, replacement: z}',
    'unchanged',
  );
  f(
    'a: x-y',
    "{action: replace_all, source_labels: [a], target_label: b, regex: '-', replacement: ''}",
    'a: x-y, b: xy',
  );
});

test('labelmap_all', () => {
  f('a-b: x, a-c-d: y, e: z', `{action: labelmap_all, regex: '-', replacement: _}`, 'a_b: x, a_c_d: y, e: z');
  f('aa: x', `{action: labelmap_all, regex: a, replacement: aa}`, 'aaaa: x');
  // a name that comes to be and one that goes
  f('a: x, b: y', `{action: labelmap_all, regex: 'a', replacement: b}`, 'b: x');
});

test('keep_if_equal and drop_if_equal', () => {
  f('a: x, b: x, c: x', '{action: keep_if_equal, source_labels: [a, b, c]}', 'unchanged');
  f('a: x, b: x, c: y', '{action: keep_if_equal, source_labels: [a, b, c]}', 'dropped');
  f('a: x, b: x', '{action: drop_if_equal, source_labels: [a, b]}', 'dropped');
  f('a: x, b: y', '{action: drop_if_equal, source_labels: [a, b]}', 'unchanged');
  // both absent: equal
  f('c: x', '{action: drop_if_equal, source_labels: [a, b]}', 'dropped');
});

test('keep_if_contains and drop_if_contains', () => {
  const g = (action: string) => `{action: ${action}, target_label: tags, source_labels: [a, b]}`;
  f("tags: ',x,y,', a: ',x,', b: y", g('keep_if_contains'), 'unchanged');
  f("tags: ',x,y,', a: z, b: y", g('keep_if_contains'), 'dropped');
  f("tags: ',x,y,', a: x, b: y", g('drop_if_contains'), 'dropped');
  f("tags: ',x,y,', a: z, b: y", g('drop_if_contains'), 'unchanged');
  // an absent label is contained in everything
  f('tags: x', g('keep_if_contains'), 'unchanged');
});

test('keep_metrics and drop_metrics', () => {
  f('__name__: node_cpu', '{action: keep_metrics, regex: [node_.*, up]}', 'unchanged');
  f('__name__: go_gc', '{action: keep_metrics, regex: [node_.*, up]}', 'dropped');
  f('__name__: go_gc', '{action: drop_metrics, regex: go_.+}', 'dropped');
  f('__name__: go_', '{action: drop_metrics, regex: go_.+}', 'unchanged');
});

test('graphite', () => {
  const rule = `{action: graphite, match: 'srv.*.*.total', labels: {__name__: '\${2}_total', job: $1, dc: x}}`;
  f('__name__: srv.web.requests.total', rule, '__name__: requests_total, dc: x, job: web');
  // a star stops at a dot
  f('__name__: srv.web.a.b.total', rule, 'unchanged');
  f('__name__: srv.web.requests.count', rule, 'unchanged');
  f('__name__: srvxweb.requests.total', rule, 'unchanged');
  f(
    '__name__: a-b-c',
    `{action: graphite, match: '*-*', labels: {x: $1, y: $2}}`,
    '__name__: a-b-c, x: a, y: b-c',
  );
  f(
    '__name__: a.b',
    `{action: graphite, match: 'a.*', labels: {__name__: $0, y: $1}}`,
    '__name__: a.b, y: b',
  );
});
