import { gzipSync } from 'node:zlib';
import { type ParityCase, pageCase } from './parity-case.js';

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const GOOD = 'a 1\nb{x="1"} 2\n';
const om = (body: string) => ({ type: OPENMETRICS, body });
const zipped = (body: Uint8Array, encoding = 'gzip') => ({ body, headers: { 'content-encoding': encoding } });
const LONG = 'x'.repeat(100_000);

const replaced = (from: string | RegExp, to: string) => (lines: readonly string[]) =>
  lines.map((line) => line.replace(from, to));
/** Takes a series of one name out, and puts lines for others in, that differ from it in nothing but the name. */
const renamed = (from: string, to: readonly string[]) => (lines: readonly string[]) =>
  lines
    .flatMap((line) =>
      line.startsWith(`${from}{`) ? to.map((name) => name + line.slice(from.length)) : [line],
    )
    .sort();
const NEW_IN_FAILED =
  'since 2.48 a series that is new in a failed scrape is not lost to the agent, and since 3.0 what lies beyond sample_limit is not tracked';

/** The page is scraped again and again with the same timestamps. */
const REPEATED_TIME = {
  why: 'since 3.0 a sample must be newer than the last one of its series; 2.42 takes one of the same time again',
  edit: replaced(/=(\d)(?:\|\1)+/g, '=$1'),
};

/** One page each, that is right or wrong for a reason of its own. */
const TEXTS: Readonly<Record<string, string>> = {
  'text-names': ':a 1\n_ 2\nx:y:z{_="1",A="2",a="3",__x="4",x_="5"} 3\n',
  'text-long-value': `a{x="${LONG}"} 1\n`,
  'text-long-name': `a_${LONG} 1\nb{l_${LONG}="1"} 2\n`,
  'text-many-labels': `a{${Array.from({ length: 300 }, (_, i) => `l${i}="${i}"`).join(',')}} 1\n`,
  'text-spaces': 'a   {   x   =   "1"   ,   y="2"  }    1   \nb\t{\tx\t=\t"1"\t}\t2\t\nc      3\nd\t4\n',
  'text-escaped-end': 'a{x="\\\\"} 1\nb{x="\\\\n",y="\\n\\n"} 2\nc{x="\\"}"} 3\n',
  'text-braces-in-value': 'a{x="{}",y="},{"} 1\nb{x="a=b,c",y=","} 2\n',
  'text-nul-in-value': 'a{x="1\x002"} 1\nb 1\n',
  'text-two-on-a-line': 'a 1 b 2\n',
  'text-comma-first': 'a{,x="1"} 1\n',
  'text-comma-twice': 'a{x="1",,y="2"} 1\n',
  'text-single-quotes': "a{x='1'} 1\n",
  'text-empty-braces': 'a{} 1\nb{ } 2\n',
  'text-digit-name': '1a 1\n',
  'text-dash-name': 'a-b 1\n',
  'text-colon-label': 'a{x:y="1"} 1\n',
  'text-umlaut-name': 'ä 1\n',
  'text-bom': '\ufeffa 1\n',
  'text-form-feed': 'a\f1\n',
  'text-word-value': 'a true\n',
  'text-no-digits': 'a .\n',
  'text-exponent-alone': 'a 1e\n',
  'text-two-signs': 'a --1\n',
  'text-comma-value': 'a 1,5\n',
  'text-nan-signed': 'a +nan\n',
  'text-huge-exponent':
    'a 1e-99999\nb 0e99999\nc 0.00000000000000000000000000000000000000000000000000000000000001e62\n',
  'text-long-number': `a 0.${'3'.repeat(700)}\nb ${'7'.repeat(300)}\n`,
  'text-timestamp-plus': 'a 1 +5\n',
  'text-timestamp-huge': 'a 1 99999999999999999999\n',
  'text-timestamp-exponent': 'a 1 1e3\n',
  'text-timestamp-two': 'a 1 1 2\n',
  'text-type-uppercase': '# TYPE a Gauge\na 1\n',
  'text-type-missing': '# TYPE a\na 1\n',
  'text-type-alone': '# TYPE\na 1\n',
  'text-type-cr': '# TYPE a gauge\r\na 1\n',
  'text-type-two-words': '# TYPE a gauge x\na 1\n',
  'text-type-info': '# TYPE a info\na 1\n',
  'text-type-unknown': '# TYPE a unknown\na 1\n',
  'text-type-spaces': '#   TYPE   a gauge\n#\tTYPE\tb\tgauge\n# TYPE\t c counter\na 1\n',
  'text-type-spaces-before-word': '# TYPE a  gauge\na 1\n',
  'text-type-twice': '# TYPE a gauge\n# TYPE a counter\na 1\n# TYPE a gauge\n',
  'text-type-bad-name': '# TYPE 1a gauge\na 1\n',
  'text-help-missing': '# HELP a\n# HELP b \na 1\n',
  'text-help-alone': '# HELP\n# HELP \na 1\n',
  'text-help-odd': '# HELP a  two  spaces \\" \\\\ \\n \\t end \r\na 1\n',
  'text-help-bad-name': '# HELP -a x\na 1\n',
  'text-comment-odd': '# \n#a\n# a 1\n#\t\n###\n# help a x\n# Type a x\na 1\n',
  'text-comment-indented': '   # TYPE a gauge\n\t# HELP a x\na 1\n',
  'text-comment-no-end': 'a 1\n# the end',
  'text-only-spaces': '   \t  ',
  'text-le-untyped': 'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\n# TYPE g gauge\ng{le="1",quantile="1"} 1\n',
};

const OM_TEXTS: Readonly<Record<string, string>> = {
  'om-types':
    '# TYPE i info\ni_info{v="1"} 1\n# TYPE s stateset\ns{s="a"} 1\ns{s="b"} 0\n# TYPE g gaugehistogram\ng_bucket{le="1.0"} 1\ng_bucket{le="+Inf"} 2\ng_gcount 2\ng_gsum 3\n# TYPE u unknown\nu 4\n# EOF\n',
  'om-escapes': '# HELP a \\"x\\" \\\\ \\n y\na{x="\\"q\\" \\\\ \\n \\t",y="ü"} 1\n# EOF\n',
  'om-raw-newline': 'a{x="two\nlines"} 1\n# EOF\n',
  'om-empty-braces': 'b{} 2\n# EOF\n',
  'om-comma-missing': 'a{x="1"y="2"} 1\n# EOF\n',
  'om-space-in-braces': 'a{x="1", y="2"} 1\n# EOF\n',
  'om-space-before-braces': 'a {x="1"} 1\n# EOF\n',
  'om-no-space-behind-braces': 'a{x="1"}1\n# EOF\n',
  'om-tab': 'a\t1\n# EOF\n',
  'om-trailing-space': 'a 1 \n# EOF\n',
  'om-leading-space': ' a 1\n# EOF\n',
  'om-crlf': 'a 1\r\n# EOF\r\n',
  'om-comment': '# comment\na 1\n# EOF\n',
  'om-eof-alone': '# EOF',
  'om-eof-no-newline': 'a 1\n# EOF',
  'om-eof-twice': 'a 1\n# EOF\n# EOF\n',
  'om-eof-blank': 'a 1\n# EOF\n\n',
  'om-eof-more': 'a 1\n# EOFx\n',
  'om-eof-joined': 'a 1\n#EOF\n',
  'om-eof-in-value': 'a{x="# EOF"} 1\n',
  'om-unit-good': '# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n# EOF\n',
  'om-unit-bad': '# UNIT a seconds\na 1\n# EOF\n',
  'om-unit-joined': '# UNIT aseconds seconds\naseconds 1\n# EOF\n',
  'om-help-missing': '# HELP a\na 1\n# EOF\n',
  'om-help-empty': '# HELP a \na 1\n# EOF\n',
  'om-type-missing': '# TYPE a\na 1\n# EOF\n',
  'om-type-space': '# TYPE a gauge \na 1\n# EOF\n',
  'om-type-spaces': '# TYPE a  gauge\na 1\n# EOF\n',
  'om-type-uppercase': '# TYPE a GAUGE\na 1\n# EOF\n',
  'om-timestamp-nan': 'a 1 NaN\n# EOF\n',
  'om-timestamp-word': 'a 1 x\n# EOF\n',
  'om-timestamp-two': 'a 1 1 1\n# EOF\n',
  'om-nan': 'a NaN\nb +Inf\nc -Inf\nd 1e3\ne -0.0\n# EOF\n',
  'om-name-label': 'a{__name__="b"} 1\n# EOF\n',
  'om-repeated-label': 'a{x="1",x="1"} 1\n# EOF\n',
  'om-exemplar-no-value': 'a_total 1 # {a="b"}\n# EOF\n',
  'om-exemplar-bad-value': 'a_total 1 # {a="b"} x\n# EOF\n',
  'om-exemplar-no-space': 'a_total 1 #{a="b"} 1\n# EOF\n',
  'om-exemplar-trailing-space': 'a_total 1 # {a="b"} 1 \n# EOF\n',
  'om-exemplar-unquoted': 'a_total 1 # {a=b} 1\n# EOF\n',
  'om-exemplar-nan-time': 'a_total 1 # {a="b"} 1 NaN\n# EOF\n',
  'om-exemplar-long': `a_total 1 # {a="${'x'.repeat(127)}"} 1\nb_total 1 # {a="${'x'.repeat(128)}"} 1\nc_total 1 # {a="${'ü'.repeat(127)}"} 1\n# EOF\n`,
  'om-exemplar-on-buckets':
    '# TYPE h histogram\nh_bucket{le="1.0"} 1 # {b="2",a="1"} 0.5\nh_bucket{le="+Inf"} 1 # {a="\\n"} 0.5\nh_count 1\nh_sum 1\n# EOF\n',
  'om-exemplar-repeated-label': 'a_total 1 # {a="1",a="2"} 2\n# EOF\n',
};

const text = ([name, body]: [string, string]): ParityCase => pageCase(name, [body]);
const openmetrics = ([name, body]: [string, string]): ParityCase => pageCase(name, [om(body)]);

/** Behaviour that is easily got wrong. */
export const TRAP_CASES: readonly ParityCase[] = [
  ...Object.entries(TEXTS).map(text),
  ...Object.entries(OM_TEXTS).map(openmetrics),
  pageCase('conflict-many', ['m{a="x",b="y",exported_a="z",exported_exported_a="q"} 1\n'], {
    labels: { a: '1', b: '2' },
  }),
  pageCase('conflict-lengths', ['m{ab="1",cd="2",exported_ab="3",exported_exported_cd="4"} 1\n'], {
    labels: { ab: 'x', cd: 'y', exported_cd: 'z' },
  }),
  pageCase('conflict-same-value', ['m{a="1"} 1\n'], { labels: { a: '1' } }),
  pageCase('conflict-empty', ['m{a="",exported_a="2"} 1\nn{a="1",exported_a=""} 1\n'], {
    labels: { a: '1' },
    differs: {
      why: 'since 3.0 an empty exported_a is free; for 2.42 it was taken',
      edit: replaced('exported_exported_a="1"', 'exported_a="1"'),
    },
  }),
  pageCase('conflict-external', ['m{datacenter="page",job="page"} 1\n'], {
    labels: { datacenter: 'target' },
  }),
  pageCase('honor-labels-empty', ['m{job="",dc="",x=""} 1\nup{job="x"} 5\n'], {
    labels: { dc: '1', x: '2' },
    config: 'honor_labels: true',
  }),
  pageCase('honor-labels-exported', ['m{dc="1",exported_dc="2"} 1\n'], {
    labels: { dc: '3', exported_dc: '4' },
    config: 'honor_labels: true',
  }),
  pageCase(
    'sample-limit-stale',
    ['a 1\nb 2\nc 3\n', 'b 1\na 2\nd 3\ne 4\n', 'b 1\na 2\nd 3\ne 4\n', 'x 1\n', 'x 1\n'],
    {
      config: 'sample_limit: 3',
      differs: { why: NEW_IN_FAILED, edit: renamed('e', ['d']) },
    },
  ),
  pageCase('sample-limit-new', ['a 1\n', 'b 1\nc 1\nd 1\n', 'a 1\n', 'a 1\n'], {
    config: 'sample_limit: 2',
    differs: { why: NEW_IN_FAILED, edit: renamed('d', ['b', 'c']) },
  }),
  pageCase(
    'label-limit-stale',
    ['a 1\nb 2\nc 3\n', 'a 1\nb{x="1",y="2",z="3",u="4"} 2\nc 3\n', 'c 1\n', 'c 1\n'],
    {
      config: 'label_limit: 6',
    },
  ),
  pageCase('label-limit-exact', ['a{x="1",y="2"} 1\n'], { config: 'label_limit: 6' }),
  pageCase('label-limit-relabelled', ['a{x="1",y="2"} 1\nb{x="1",y="2",z="3"} 1\n'], {
    config: 'label_limit: 5\nmetric_relabel_configs: [{regex: "[xyz]", action: labeldrop}]',
  }),
  pageCase('label-name-limit-name', [GOOD], { config: 'label_name_length_limit: 7' }),
  pageCase('label-value-limit-bytes', ['a{x="üüüüüüüüüüüü"} 1\n'], {
    config: 'label_value_length_limit: 23',
  }),
  pageCase('failing-again', [GOOD, { status: 500 }, GOOD, { status: 500 }, { status: 500 }, GOOD]),
  pageCase('broken-and-back', ['a 1\nb 2\nc 3\n', 'a 4\n!\n', 'a 5\nb 5\n', 'a 6\nb 6\n']),
  pageCase('broken-new', ['a 1\nz 1\n', 'n 1\na 2\nz 1\n!\n', 'a 1\n', 'a 1\n'], {
    differs: {
      why: NEW_IN_FAILED,
      edit: (lines) =>
        [
          ...lines,
          ...lines
            .filter((line) => line.startsWith('z{'))
            .map((line) => line.replace(/^z(.*) #0=1 /, 'n$1 ')),
        ].sort(),
    },
  }),
  pageCase('broken-then-500', ['a 1\nb 2\n', 'a 1\n!\n', { status: 500 }, GOOD]),
  pageCase('broken-repeated-label', ['a 1\nb 2\nc 3\n', 'a 4\nb{x="1",x="2"} 5\nc 6\n', 'c 7\n']),
  pageCase('text-then-openmetrics', ['a 1\nb 2\n', om('a 1\n# EOF\n'), 'a 1\nb 2\n']),
  {
    name: 'timestamps-then-none',
    pages: (base) => [`a 1 ${base + 1000}\nb 1\n`, 'a 2\nb 2\n', `a 3 ${base + 3000}\nb 3\n`, 'b 4\n'],
  },
  {
    name: 'timestamps-none-then-old',
    pages: () => ['a 1\nb 1\n', 'a 2 1000\nb 2\n', 'a 3\nb 3\n', 'b 4\n'],
  },
  {
    name: 'timestamps-falling',
    pages: (base) => [`a 1 ${base + 3000}\na 2 ${base + 2000}\na 3 ${base + 4000}\n`],
    differs: REPEATED_TIME,
  },
  {
    name: 'timestamps-openmetrics',
    pages: (base) => [
      om(`a 1 ${base / 1000}.9999\nb 1 ${base / 1000}.5\nc 1 ${(base / 1e12).toFixed(9)}e9\n# EOF\n`),
    ],
    differs: REPEATED_TIME,
  },
  pageCase('gzip-empty', [GOOD, { body: '', gzip: true }]),
  pageCase('gzip-two-members', [zipped(Buffer.concat([gzipSync('a 1\n'), gzipSync('b 2\n')]))]),
  pageCase('gzip-trailing', [zipped(Buffer.concat([gzipSync(GOOD), Buffer.from('trailing bytes')]))]),
  pageCase('gzip-cut-off', [zipped(gzipSync(GOOD).subarray(0, -6))]),
  pageCase('gzip-checksum', [zipped(Buffer.concat([gzipSync(GOOD).subarray(0, -8), Buffer.alloc(8)]))]),
  pageCase('gzip-uppercase', [zipped(gzipSync(GOOD), 'GZIP')]),
  pageCase('gzip-not-asked', [{ body: GOOD, gzip: true }], { config: 'enable_compression: false' }),
  pageCase('encoding-deflate', [{ body: GOOD, headers: { 'content-encoding': 'deflate' } }]),
  pageCase('encoding-identity', [{ body: GOOD, headers: { 'content-encoding': 'identity' } }]),
  pageCase('body-limit-gzip', [{ body: GOOD.repeat(100), gzip: true }], { config: 'body_size_limit: 1KB' }),
  pageCase('cut', [GOOD, { fault: 'cut', body: GOOD }, GOOD]),
  pageCase('cut-short', [GOOD, { fault: 'cut', body: GOOD, headers: { 'content-length': '100' } }, GOOD]),
  pageCase('status-206', [{ status: 206, body: GOOD }]),
  pageCase('status-401', [{ status: 401, body: GOOD }]),
  pageCase('redirect-nowhere', [{ status: 302 }, GOOD]),
  pageCase('redirect-308', [{ status: 308, headers: { location: '/redirect-308/x?y=z' } }, GOOD]),
  pageCase('redirect-relative', [{ status: 301, headers: { location: 'redirect-relative/x' } }, GOOD]),
  pageCase('type-uppercase', [{ type: 'TEXT/PLAIN; Version=0.0.4', body: GOOD }]),
  pageCase('type-trailing', [{ type: 'text/plain; version=0.0.4;', body: GOOD }]),
  pageCase('legacy-rename', [GOOD], {
    config:
      'metric_name_validation_scheme: legacy\nmetric_relabel_configs: [{source_labels: [__name__], regex: b, target_label: __name__, replacement: b-c}]',
  }),
];
