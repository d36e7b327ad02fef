import { type ParityCase, pageCase } from './parity-case.js';

const PAGE = ['a{x="1"} 1\nb 2\n'];

/** `rules`: one on each line, the braces left out. */
const target = (name: string, rules: readonly string[], more: Partial<ParityCase> = {}): ParityCase =>
  pageCase(name, PAGE, { config: rulesText('relabel_configs', rules), ...more });
const metric = (name: string, rules: readonly string[], more: Partial<ParityCase> = {}): ParityCase =>
  pageCase(name, PAGE, { config: rulesText('metric_relabel_configs', rules), ...more });

function rulesText(key: string, rules: readonly string[]): string {
  return rules.length === 0 ? '' : `${key}:\n${rules.map((rule) => `- {${rule}}`).join('\n')}`;
}

const twoTargets = (port: number) => [`127.0.0.1:${port}`, `localhost:${port}`];
/** Of two targets one is that of the case. */
const OTHER =
  'source_labels: [__address__], regex: "localhost:.*", target_label: parity_case, replacement: other';

/** What becomes of a target, and what it is asked. */
export const TARGET_CASES: readonly ParityCase[] = [
  target('t-drop', ['source_labels: [__address__], regex: "localhost:.*", action: drop'], {
    targets: twoTargets,
  }),
  target('t-keep', ['source_labels: [__address__], regex: "127.*", action: keep'], { targets: twoTargets }),
  target(
    't-dropequal',
    [
      'source_labels: [__address__], regex: "(local.*):.*", target_label: __tmp',
      'target_label: host, replacement: localhost',
      'source_labels: [__tmp], target_label: host, action: dropequal',
    ],
    { targets: twoTargets },
  ),
  target('t-twice', [], { targets: (port) => [`127.0.0.1:${port}`, `127.0.0.1:${port}`] }),
  target(
    't-made-equal',
    [
      'source_labels: [__address__], regex: ".*:(.*)", target_label: __address__, replacement: "127.0.0.1:$1"',
    ],
    {
      targets: twoTargets,
    },
  ),
  target('t-limit', [OTHER], {
    targets: twoTargets,
    config: `target_limit: 1\nrelabel_configs:\n- {${OTHER}}`,
  }),
  target('t-limit-exact', [OTHER], {
    targets: twoTargets,
    config: `target_limit: 2\nrelabel_configs:\n- {${OTHER}}`,
  }),
  target('t-address', ['source_labels: [__address__], regex: "x(.*)", target_label: __address__'], {
    targets: (port) => [`x127.0.0.1:${port}`],
  }),
  target(
    't-address-slash',
    ['source_labels: [__address__], regex: "http://(.*)/", target_label: __address__'],
    {
      targets: (port) => [`http://127.0.0.1:${port}/`],
    },
  ),
  target(
    't-address-invalid',
    [
      'source_labels: [__address__], regex: "localhost(:.*)", target_label: __address__, replacement: "a/b$1"',
    ],
    {
      targets: twoTargets,
    },
  ),
  target(
    't-address-empty',
    ['source_labels: [__address__], regex: "localhost.*", target_label: __address__, replacement: ""'],
    {
      targets: twoTargets,
    },
  ),
  target('t-no-port', [], {
    targets: () => ['127.0.0.1'],
    differs: {
      why: 'since 3.0 no port is added to an address',
      edit: (lines) => lines.map((line) => line.replace('127.0.0.1:80', '127.0.0.1')),
    },
  }),
  target('t-instance-empty', ['target_label: instance, replacement: ""'], { labels: { instance: 'x' } }),
  target('t-instance-label', [], { labels: { instance: 'mine', job: 'mine' } }),
  target('t-labels-empty', [], { labels: { instance: '', job: '', dc: '' } }),
  target('t-job-dropped', ['regex: job, action: labeldrop']),
  target('t-instance-dropped', ['regex: instance, action: labeldrop'], { labels: { instance: 'x' } }),
  target('t-hidden', ['source_labels: [__meta_x, __tmp, __y], target_label: seen'], {
    labels: { __meta_x: '1', __tmp: '2', __y: '3' },
  }),
  target('t-interval', ['source_labels: [__scrape_interval__, __scrape_timeout__], target_label: timing'], {
    labels: { __scrape_interval__: '2s100ms', __scrape_timeout__: '1s250ms' },
  }),
  target(
    't-interval-zero',
    [OTHER, 'source_labels: [parity_case], regex: other, target_label: __scrape_interval__, replacement: 0s'],
    {
      targets: twoTargets,
    },
  ),
  target('t-timeout', [], { labels: { __scrape_timeout__: '2s' } }),
  target('t-param-dropped', ['regex: __param_a, action: labeldrop']),
  target('t-param-changed', [
    'target_label: __param_a, replacement: three',
    'target_label: __param_0, replacement: ""',
  ]),
  target('t-param-characters', [], {
    labels: { __param_b: "a b&c=d/e?f#g%20+~*()!'", __param_B: 'ü€😀', __param__: '"<>[]{}|\\^`;:@,$' },
  }),
  target('t-path-characters', [], {
    labels: { __metrics_path__: '/t-path-characters/x y?z=1%20~ü*(\'!);:@&=+$,#[]{}|\\^`"<>' },
  }),
  target('t-path-no-slash', [], { labels: { __metrics_path__: 't-path-no-slash/x' } }),
  target('t-scheme-uppercase', [], { labels: { __scheme__: 'HTTP' } }),
  target('t-scheme-https', [], { labels: { __scheme__: 'https' } }),
  target('t-scheme-unknown', [], { labels: { __scheme__: 'gopher' } }),
  target('t-host-user', [], { targets: (port) => [`user:pw@127.0.0.1:${port}`] }),
  target('t-host-query', [], { targets: (port) => [`127.0.0.1:${port}?x=1`] }),
  target('t-host-bad-port', [], { targets: () => ['127.0.0.1:http'] }),
  target('t-host-big-port', [], { targets: () => ['127.0.0.1:99999'] }),
  target('t-host-space', [], { targets: (port) => [` 127.0.0.1:${port}`] }),
  target('t-regex-newline', ['source_labels: [l], regex: "a.*b", target_label: matched, replacement: yes'], {
    labels: { l: 'a\n\nb' },
    differs: {
      why: 'since 3.0 a dot matches a line feed',
      edit: (lines) => lines.map((line) => line.replace('a\\n\\nb"', 'a\\n\\nb",matched="yes"')),
    },
  }),
  target(
    't-regex-anchors',
    [
      'source_labels: [l], regex: "a|b", target_label: one, replacement: yes',
      'source_labels: [l], regex: "^ab$|x", target_label: two, replacement: yes',
      'source_labels: [l], regex: "(a)|(ab)", target_label: three, replacement: "$1-$2"',
    ],
    {
      labels: { l: 'ab' },
    },
  ),
  target(
    't-regex-classes',
    [
      'source_labels: [l], regex: "([[:alpha:]]+)(\\\\s*)(\\\\pL+)(\\\\d*)(.*)", target_label: one, replacement: "$1|$2|$3|$4|$5"',
      'source_labels: [l], regex: "(?U)(.*)(.*)", target_label: two, replacement: "$1|$2"',
    ],
    {
      labels: { l: 'abc äöü٣9\u00a0x' },
    },
  ),
  target(
    't-regex-groups',
    [
      'source_labels: [l], regex: "(?:(a)|(b))+", target_label: one, replacement: "$1|$2"',
      'source_labels: [l], regex: "(x)?(.*)", target_label: two, replacement: "[$1][$2][$3]"',
    ],
    {
      labels: { l: 'ab' },
    },
  ),
  target(
    't-regex-empty',
    [
      'source_labels: [l], regex: "", target_label: one, replacement: yes',
      'source_labels: [none], regex: "", target_label: two, replacement: yes',
      'regex: "", target_label: three, replacement: yes',
    ],
    {
      labels: { l: 'a' },
    },
  ),
  target(
    't-labelmap-order',
    [
      'regex: "l_.*", replacement: same, action: labelmap',
      'regex: "(.)_.*", replacement: "$1", action: labelmap',
    ],
    {
      labels: { l_b: 'b', l_a: 'a', l_c: 'c' },
    },
  ),
  target(
    't-letters',
    [
      'source_labels: [l], target_label: up, action: uppercase',
      'source_labels: [l], target_label: low, action: lowercase',
    ],
    {
      labels: { l: 'ǆǅǄ ΑΣ ς İı ﬁ ŉ ᾳᾼ ꭰ ẞß 𐐀𐐨 Ⓐⓐ' },
    },
  ),
  target(
    't-hashmod-large',
    [
      'source_labels: [__address__], regex: "(.*):.*", target_label: __tmp',
      'source_labels: [__tmp], modulus: 4294967296, target_label: h, action: hashmod',
      'source_labels: [none], modulus: 1, target_label: one, action: hashmod',
    ],
    {},
  ),
  target('t-replace-to-name', [
    'target_label: __name__, replacement: ignored',
    'target_label: up, replacement: x',
  ]),
  target(
    't-action-case',
    ['source_labels: [l], target_label: m, action: Replace', 'source_labels: [l], regex: x, action: DROP'],
    { labels: { l: '1' } },
  ),
  target(
    't-dollar',
    [
      'source_labels: [l], regex: "(a)(?P<n_1>b)", target_label: m, replacement: "$${1} ${n_1} $n_1 ${n_1x} $1_ ${1 ${} $- $"',
    ],
    {
      labels: { l: 'ab' },
    },
  ),
  metric('m-labeldrop-instance', ['regex: instance, action: labeldrop']),
  metric('m-labeldrop-job', ['regex: job, action: labeldrop']),
  metric('m-labels-all-dropped', [
    'source_labels: [__name__], regex: b, target_label: __tmp, replacement: gone',
    'source_labels: [x], regex: "1", target_label: y, replacement: yes',
  ]),
  metric('m-empty', ['regex: ".*", action: labeldrop']),
  metric('m-labelkeep', ['regex: "__name__|parity_case|x", action: labelkeep']),
  metric('m-change-job', [
    'target_label: job, replacement: other',
    'target_label: instance, replacement: ""',
  ]),
  metric('m-labelmap', ['regex: "(x|job)", replacement: "from_$1", action: labelmap']),
  metric('m-keepequal', ['source_labels: [x], target_label: y, action: keepequal'], {
    pages: () => ['a{x="1",y="1"} 1\nb{x="1",y="2"} 2\nc 3\n'],
  }),
  metric('m-hashmod', [
    'source_labels: [__name__], modulus: 7, target_label: h, action: hashmod',
    'source_labels: [h], regex: "[0-3]", action: drop',
  ]),
  metric('m-merge', [
    'source_labels: [__name__], regex: "a|b", target_label: __name__, replacement: c',
    'regex: x, action: labeldrop',
  ]),
  metric(
    'm-merge-stale',
    ['source_labels: [__name__], regex: "a|b", target_label: __name__, replacement: c'],
    {
      pages: () => ['a 1\n', 'b 1\n', 'a 1\nb 2\n', 'b 2\n', 'd 1\n', 'd 1\n'],
      differs: {
        why: 'since 3.0 staleness is told by the series that is sent; for 2.42 by the one on the page',
        edit: (lines) => lines.map((line) => line.replaceAll('|stale', '')),
      },
    },
  ),
  metric('m-hidden-name', ['source_labels: [__name__], regex: a, target_label: __hidden__, replacement: x']),
];
