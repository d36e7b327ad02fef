import assert from 'node:assert/strict';
import test from 'node:test';
import { render } from './render.js';

// What Prometheus 3 takes and refuses in OpenMetrics text: knowledge of model/textparse, its lexer rules and its own tables of bad input.

const bytes = (text: string) => Buffer.from(text, 'latin1');

test('openmetrics: lines that are read', () => {
  const f = (lines: string | Buffer, ...want: string[]) =>
    assert.deepEqual(
      render(Buffer.concat([Buffer.from(lines), Buffer.from('# EOF\n')]), 'openmetrics'),
      want,
    );

  f('');
  assert.deepEqual(render('# EOF', 'openmetrics'), []);
  assert.deepEqual(render('a 1\n# EOF', 'openmetrics'), ['a 1']);

  // metadata
  f('# HELP m \n', 'HELP m ""');
  f('# HELP m some text\n', 'HELP m "some text"');
  f('# HELP m  \\"\\\\\\n\\t\n', 'HELP m " \\"\\\\\\n\\\\t"');
  f('# TYPE m counter\n# TYPE m gaugehistogram\n', 'TYPE m counter', 'TYPE m gaugehistogram');
  f(
    '# TYPE m info\n# TYPE m stateset\n# TYPE m unknown\n',
    'TYPE m info',
    'TYPE m stateset',
    'TYPE m unknown',
  );
  f(
    '# TYPE m gauge\n# TYPE m histogram\n# TYPE m summary\n',
    'TYPE m gauge',
    'TYPE m histogram',
    'TYPE m summary',
  );
  f('# UNIT m_seconds seconds\n', 'UNIT m_seconds "seconds"');
  f('# UNIT m \n', 'UNIT m ""');
  f('# TYPE "m.n" gauge\n', 'TYPE m.n gauge');

  // labels
  f('a{} 1\n', 'a 1');
  f('a{b="c"} 1\n', 'a{b="c"} 1');
  f('a{b="c",} 1\n', 'a{b="c"} 1');
  f('a{c="1",b="2"} 1\n', 'a{b="2",c="1"} 1');
  f('a{b="\\"\\\\\\n"} 1\n', 'a{b="\\"\\\\\\n"} 1');
  f('a{b="# {}"} 1\n', 'a{b="# {}"} 1');
  f('{"a.b",c="d"} 1\n', 'a.b{c="d"} 1');
  f('{"a\nb"} 1\n', 'a\nb 1');
  f(bytes('a{b="x\0y"} 1\n'), 'a{b="x\\u0000y"} 1');
  f('# TYPE a histogram\na_bucket{le="1"} 1\n', 'TYPE a histogram', 'a_bucket{le="1.0"} 1');
  f('# TYPE a gaugehistogram\na_bucket{le="1"} 1\n', 'TYPE a gaugehistogram', 'a_bucket{le="1"} 1');
  f('# TYPE a summary\na{quantile="1"} 1\n', 'TYPE a summary', 'a{quantile="1.0"} 1');

  // values and timestamps: seconds, cut to milliseconds
  f('a NaN\na -Inf\na 1e3\n', 'a NaN', 'a -Infinity', 'a 1000');
  f('a 1 2\na 1 1.5\na 1 -1.5\na 1 1e3\n', 'a 1 @2000', 'a 1 @1500', 'a 1 @-1500', 'a 1 @1000000');
  f('a 1 1.0009\na 1 -1.0009\n', 'a 1 @1000', 'a 1 @-1000');
  f('a 1 1e300\n', 'a 1 @-9223372036854776000');
  f('a_created 1520872607.123\n', 'a_created 1520872607.123');

  // exemplars
  f('a 1 # {b="c"} 2\n', 'a 1 # {b="c"} 2');
  f('a 1 # {b="c"} 2 3.5\n', 'a 1 # {b="c"} 2 @3500');
  f('a 1 4 # {b="c",d="e"} 2\n', 'a 1 @4000 # {b="c",d="e"} 2');
  f('a{x="y"} 1 # {b="c",} NaN\n', 'a{x="y"} 1 # {b="c"} NaN');
  f('a 1 # {} 2\n', 'a 1 # {} 2');
  f('a 1 # {"b.c"="d"} 2\n', 'a 1 # {b.c="d"} 2');
  f('a 1 # {b="x\\"y\\n"} 2\n', `a 1 # {b=${JSON.stringify('x\\"y\\n')}} 2`);
  f('a 1 # {b="c"} 2\nb 3\n', 'a 1 # {b="c"} 2', 'b 3');
});

test('openmetrics: lines that fail the page', () => {
  const f = (page: string | Buffer, want: RegExp) =>
    assert.throws(
      () => render(page, 'openmetrics'),
      (error: { code?: string; message?: string }) =>
        error.code === 'SEN_EXPOSITION_INVALID' && want.test(error.message!),
      JSON.stringify(page.toString('latin1')),
    );

  // Prometheus's own table
  f('', /# EOF/);
  f('\n', /metric name/);
  f('metric', /space/);
  f('metric 1', /# EOF/);
  f('metric 1\n', /# EOF/);
  f('metric_total 1 # {aa="bb"} 4', /# EOF/);
  f(' a 1\n# EOF\n', /metric name/);
  f('9\n# EOF\n', /metric name/);
  f('# TYPE u untyped\n# EOF\n', /metric type/);
  f('# TYPE c counter \n# EOF\n', /metric type/);
  f('#  TYPE c counter\n# EOF\n', /expected # HELP/);
  f('# TYPE \n# EOF\n', /metric name/);
  f('# TYPE m\n# EOF\n', /expected text in # TYPE/);
  f('# HELP m\n# EOF\n', /expected text in # HELP/);
  f('# UNIT metric suffix\n# EOF\n', /unit/);
  f('# UNIT metricsuffix suffix\n# EOF\n', /unit/);
  f('# UNIT m suffix\n# EOF\n', /unit/);
  f('# UNIT m\n# EOF\n', /expected text in # UNIT/);
  f('a\t1\n# EOF\n', /space/);
  f('a 1\t2\n# EOF\n', /space/);
  f('a 1 2 \n# EOF\n', /end of the line/);
  f('a 1 2 #\n# EOF\n', /end of the line/);
  f('a 1 1z\n# EOF\n', /number/);
  f(' # EOF\n', /metric name/);
  f('# EOF\na 1', /after # EOF/);
  f('# EOF\n\n', /after # EOF/);
  f('# EOFa 1', /after # EOF/);
  f('#\tTYPE c counter\n# EOF\n', /expected # HELP/);
  f('# TYPE c  counter\n# EOF\n', /metric type/);
  f('a 1 1 1\n# EOF\n', /end of the line/);
  f('a{,b="c"} 1\n# EOF\n', /label name/);
  f('a{b="c"d="e"} 1\n# EOF\n', /, or }/);
  f('a{b="c",,d="e"} 1\n# EOF\n', /label name/);
  f('x 1 # {aa=bb}\n# EOF\n', /quoted label value/);
  f('x 1 # {aa="bb"}\n# EOF\n', /space/);
  f('x 1 # {bb}\n# EOF\n', /expected =/);
  f('x 1 # {"bb"} 1\n# EOF\n', /expected =/);
  f('x 1 # {aa="bb",,cc="dd"} 1\n# EOF\n', /label name/);
  f('x 1 # {aa="bb"} 1_2\n# EOF\n', /number/);
  f('x 1 # {aa="bb"} true\n# EOF\n', /number/);
  f('x 1 # {aa="bb"} 1 NaN\n# EOF\n', /timestamp/);
  f('x 1 # {aa="bb"} 1 Inf\n# EOF\n', /timestamp/);
  f('x 1 # {aa="bb"} 1 1 1\n# EOF\n', /end of the line/);
  f('x 1 # {aa="bb"} 1 # {cc="dd"} 1\n# EOF\n', /number/);
  f('a 1 NaN\n# EOF\n', /timestamp/);
  f('a 1 Inf\n# EOF\n', /timestamp/);
  f('{b="c",} 1\n# EOF\n', /not set/);
  f('#\n# EOF\n', /expected # HELP/);
  f('# H\n# EOF\n', /expected # HELP/);
  f('#', /expected # HELP/);

  // strict: one space, no blank lines, no other comments
  f('a 1\n\n# EOF\n', /metric name/);
  f('# a comment\n# EOF\n', /expected # HELP/);
  f('a  1\n# EOF\n', /number/);
  f('foo {a="b"} 1\n# EOF\n', /number/);
  f('a{b="c" ,d="e"} 1\n# EOF\n', /, or }/);
  f('a{b = "c"} 1\n# EOF\n', /expected =/);
  f('a{b="c"}1\n# EOF\n', /space/);
  f('a{b="x\ny"} 1\n# EOF\n', /line feed/);
  f('{A} 0\n# EOF\n', /expected =/);
  f('a{b} 0\n# EOF\n', /expected =/);
  f('a{"b"} 0\n# EOF\n', /set twice/);
  f('a 1 \n# EOF\n', /number/);
  f('a 1 # x\n# EOF\n', /number/);
  f('a 1 -nan\n# EOF\n', /number/);
  f(bytes('a{b="\xff"} 1\n# EOF\n'), /UTF-8/);
  f(bytes('# HELP a \xff\n# EOF\n'), /UTF-8/);
  f(bytes('a\0 1\n# EOF\n'), /space/);
  f(bytes('a 1\n\0# EOF\n'), /metric name/);
  f('# HELP a text', /# EOF/);
  f('a{b="c"} 1\r\n# EOF\r\n', /number/);
  f('foo{a="1",a="2"} 1\n# EOF\n', /"a" is not unique/);
});
