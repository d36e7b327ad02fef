import assert from 'node:assert/strict';
import test from 'node:test';
import { render } from './render.js';

// What Prometheus 3 takes and refuses in the text format: knowledge of model/textparse, its lexer rules and its own tables of bad input.

const bytes = (text: string) => Buffer.from(text, 'latin1');

test('text: lines that are read', () => {
  const f = (page: string | Buffer, ...want: string[]) =>
    assert.deepEqual(render(page, 'text'), want, JSON.stringify(page.toString('latin1')));

  // whole pages
  f('');
  f('\n\n');
  f('a 1\n', 'a 1');
  f('a 1', 'a 1');
  f('a 1\n\n \t\nb 2\n', 'a 1', 'b 2');
  f('#comment\n# another\n# UNIT a b\n# EOF\n#\n# \n#\ta\na 1', 'a 1');
  f('# HELP\n# TYPE\n# HELPa b\na 1', 'a 1');
  f('a 1\n\0b 2\nthis is not read', 'a 1');
  f('a 1\n \0b 2', 'a 1');
  f('a 1\n#b\0c\nb 2', 'a 1');
  f('# b\0c\nb 2', 'b 2');

  // names
  f('a:b_C9 1', 'a:b_C9 1');
  f(':a 1\n_b 2', ':a 1', '_b 2');
  f('foo1 2', 'foo1 2');
  // blanks before a name are not part of it (Prometheus 3 makes a name " lead" of it)
  f(' lead 1\n\t{"lead"} 2', 'lead 1', 'lead 2');

  // labels
  f('a{} 1', 'a 1');
  f('a {} 1', 'a 1');
  f('foo {a="b"} 1', 'foo{a="b"} 1');
  f('foo{a="b"}1', 'foo{a="b"} 1');
  f('foo{a="b",} 1', 'foo{a="b"} 1');
  f('foo{a="1" b="2"} 1', 'foo{a="1",b="2"} 1');
  f('foo{a="1"b="2"} 1', 'foo{a="1",b="2"} 1');
  f('foo{ a = "1" , b\t=\t"2" , }\t1', 'foo{a="1",b="2"} 1');
  f('foo{b="1",a="2",B="3",_="4"} 1', 'foo{B="3",_="4",a="2",b="1"} 1');
  f('foo{a=""} 1', 'foo{a=""} 1');
  f('foo{a="",a="b"} 1', 'foo{a=""} 1');
  f('foo{a="}{,#"} 1', 'foo{a="}{,#"} 1');
  f('foo{a="x\ny"} 1\nb 2', 'foo{a="x\\ny"} 1', 'b 2');
  f(bytes('foo{a="x\0y"} 1'), 'foo{a="x\\u0000y"} 1');
  f('foo{a="ü😀"} 1', 'foo{a="ü😀"} 1');

  // escapes: only \" \\ and \n are undone
  f('foo{a="\\"\\\\\\n\\t\\x"} 1', `foo{a=${JSON.stringify('"\\\n\\t\\x')}} 1`);
  f('foo{a="\\\\n"} 1', 'foo{a="\\\\n"} 1');
  f('foo{a="ü\\n"} 1', 'foo{a="ü\\n"} 1');

  // quoted UTF-8 names
  f('{"metric.name"} 1', 'metric.name 1');
  f('{"metric.name",} 1', 'metric.name 1');
  f('{"metric.name",l="v"} 1', 'metric.name{l="v"} 1');
  f('{l="v","metric.name"} 1', 'metric.name{l="v"} 1');
  f('{l="v","metric.name",m="w"} 1', 'metric.name{l="v",m="w"} 1');
  f('{ "m" , "l.n" = "v" } 1', 'm{l.n="v"} 1');
  f('foo{"l.n"="v"} 1', 'foo{l.n="v"} 1');
  f('{"a\\"b\\\\c","l\\n"="v"} 1', 'a"b\\c{l\n="v"} 1');
  f('{"a\nb"} 1', 'a\nb 1');

  // values
  f('a .5\na 5.\na +5\na -0\na 1e5', 'a 0.5', 'a 5', 'a 5', 'a -0', 'a 100000');
  f('a nan\na NaN\na nAn', 'a NaN', 'a NaN', 'a NaN');
  f(
    'a Inf\na +inf\na -INF\na Infinity\na -infinity',
    'a Infinity',
    'a Infinity',
    'a -Infinity',
    'a Infinity',
    'a -Infinity',
  );
  f('a 1e-400\na 0e999\na 1E+2', 'a 0', 'a 0', 'a 100');
  f('a 1.7976931348623157e308\na 4.9e-324', 'a 1.7976931348623157e+308', 'a 5e-324');
  f('a 18446744073709551615', 'a 18446744073709552000');
  // the value needs no blank before it
  f('a-1\nb.5\nc+1 2', 'a -1', 'b 0.5', 'c 1 @2');

  // timestamps
  f('a 1 123', 'a 1 @123');
  f('a 1 0', 'a 1 @0');
  f('a \t 1 \t 123 \t ', 'a 1 @123');
  f('a 1 \n', 'a 1');
  f('a 1 000000000000000000000000000000123', 'a 1 @123');
  f('a 1 9007199254740993', 'a 1 @9007199254740992');
  f('a 1 9223372036854775807', 'a 1 @9223372036854776000');

  // metadata
  f('# HELP a the text', 'HELP a "the text"');
  f('#\tHELP \t a \ttext ', 'HELP a "\\ttext "');
  f('# HELP a  two', 'HELP a " two"');
  f('# HELP a', 'HELP a ""');
  f('# HELP a  \t', 'HELP a ""');
  f('# HELP a x\\ny\\\\z\\"', 'HELP a "x\\ny\\\\z\\\\\\""');
  f('# HELP a ü', 'HELP a "ü"');
  f('# HELP "my.name" text\n# TYPE "my.name" gauge', 'HELP my.name "text"', 'TYPE my.name gauge');
  f('# HELP "a\\"b" text', 'HELP a\\"b "text"');
  f(
    '# TYPE a counter\n# TYPE a gauge\n# TYPE a histogram',
    'TYPE a counter',
    'TYPE a gauge',
    'TYPE a histogram',
  );
  f(
    '# TYPE a summary\n# TYPE a untyped\n# TYPE a\tgauge',
    'TYPE a summary',
    'TYPE a unknown',
    'TYPE a gauge',
  );

  // le and quantile: one way to write a bound, from 3.0; the TYPE holds until the next one, whatever the names say
  const type = (word: string) => `# TYPE h ${word}\n`;
  f(`${type('histogram')}h_bucket{le="1"} 2`, 'TYPE h histogram', 'h_bucket{le="1.0"} 2');
  f(`${type('histogram')}x{le="1e3"} 2`, 'TYPE h histogram', 'x{le="1000.0"} 2');
  f(`${type('histogram')}x{le="1000000"} 2`, 'TYPE h histogram', 'x{le="1e+06"} 2');
  f(`${type('histogram')}x{le="0.00001"} 2`, 'TYPE h histogram', 'x{le="1e-05"} 2');
  f(`${type('histogram')}x{le="+Inf"} 2`, 'TYPE h histogram', 'x{le="+Inf"} 2');
  f(`${type('histogram')}x{le="inf"} 2`, 'TYPE h histogram', 'x{le="+Inf"} 2');
  f(`${type('histogram')}x{le="-0"} 2`, 'TYPE h histogram', 'x{le="0.0"} 2');
  f(`${type('histogram')}x{le="big"} 2`, 'TYPE h histogram', 'x{le="big"} 2');
  f(`${type('histogram')}x{le="ı"} 2`, 'TYPE h histogram', 'x{le="ı"} 2');
  f(`${type('histogram')}x{quantile="1"} 2`, 'TYPE h histogram', 'x{quantile="1"} 2');
  f(`${type('summary')}x{quantile="0.50"} 2`, 'TYPE h summary', 'x{quantile="0.5"} 2');
  f(`${type('summary')}x{le="1"} 2`, 'TYPE h summary', 'x{le="1"} 2');
  f(`${type('untyped')}x{le="1"} 2`, 'TYPE h unknown', 'x{le="1"} 2');
  f('x{le="1"} 2', 'x{le="1"} 2');
});

test('text: lines that fail the page', () => {
  const f = (page: string | Buffer, want: RegExp) =>
    assert.throws(
      () => render(page, 'text'),
      (error: { code?: string; message?: string }) =>
        error.code === 'SEN_EXPOSITION_INVALID' && want.test(error.message!),
      JSON.stringify(page.toString('latin1')),
    );

  // Prometheus's own table
  f('a', /number/);
  f("a{b='c'} 1", /quoted label value/);
  f('a{b=\n', /not closed/);
  f(bytes('a{\xff="foo"} 1'), /label name/);
  f(bytes('a{b="\xff"} 1'), /UTF-8/);
  f('{"a", "b = "c"}', /not closed|expected =/);
  f('{"a",b\nc="d"} 1', /not closed/);
  f('a true', /number/);
  f('something_weird{problem="', /not closed/);
  f('empty_label_name{=""} 0', /label name/);
  f('{A}0', /expected =/);
  f('foo 1_2', /number/);
  f('foo 0x1p-3', /number/);
  f('foo 0 1_2', /end of the line/);
  f('{a="ok"} 1', /not set/);
  f('# TYPE #\n#EOF\n', /metric name/);
  f('# HELP #', /metric name/);
  f(bytes('a{b=\0"ssss"} 1'), /quoted label value/);
  f(bytes('a\0{b="ddd"} 1'), /number/);
  f(bytes('a 0 1\0'), /end of the line/);
  f('foo 1 # comment', /timestamp/);
  f('1foo 1', /metric name/);
  f('foo{1a="x"} 1', /label name/);
  f('foo{a:b="x"} 1', /expected =/);
  f('foo{a="1",a="2"} 1', /"a" is not unique/);
  f('foo{__name__="x"} 1', /"__name__" is not unique/);

  // labels
  f('foo{,} 1', /label name/);
  f('foo{,a="b"} 1', /label name/);
  f('foo{a="b",,c="d"} 1', /label name/);
  f('foo{a} 1', /expected =/);
  f('foo{"a"} 1', /set twice/);
  f('foo{"bar"} 1', /set twice/);
  f('{"a","b"} 1', /set twice/);
  f('{""} 1', /empty/);
  f('foo{""="x"} 1', /empty/);
  f('{} 1', /not set/);
  f('{__name__="x"} 1', /not unique/);
  f('{"x",__name__=""} 1', /not unique/);
  f('foo{a="b" 1', /not closed/);
  f('foo{a="b"}} 1', /number/);
  f('foo{}{} 1', /number/);
  f('foo{a="b\\\nc"} 1', /closing quote/);
  f(bytes('{"a\xff"} 1'), /UTF-8/);
  f(bytes('{"a\0"} 1'), /NUL/);
  f(bytes('foo{a="v"\0} 1'), /label name/);

  // values
  f('foo -nan', /number/);
  f('foo +NaN', /number/);
  f('foo 0x10', /number/);
  f('foo 1e400', /number/);
  f('foo -1e400', /number/);
  f('foo ', /number/);
  f('foo .', /number/);
  f('foo 1e', /number/);
  f('foo 1e+', /number/);
  f('foo --1', /number/);
  f('foo 1.2.3', /number/);
  f('foo 1p3', /number/);
  f('foo infi', /number/);
  f('foo infinityy', /number/);
  f('foo 1\r\n', /number/);
  f('foo 1{', /timestamp/);
  f('fooé 1', /number/);

  // timestamps
  f('foo 1 -1', /timestamp/);
  f('foo 1 +5', /timestamp/);
  f('foo 1 1.5', /end of the line/);
  f('foo 1 1e3', /end of the line/);
  f('foo 1 9223372036854775808', /timestamp/);
  f('foo 1 99999999999999999999', /timestamp/);
  f('foo 1 1 1', /end of the line/);

  // metadata
  f('# TYPE foo gauge ', /metric type/);
  f('# TYPE foo gauge\r\n', /metric type/);
  f('# TYPE foo Gauge', /metric type/);
  f('# TYPE foo unknown', /metric type/);
  f('# TYPE foo info', /metric type/);
  f('# TYPE foo  gauge', /metric type/);
  f('# TYPE foo', /metric type/);
  f('# TYPE foo ', /metric type/);
  f('# TYPE 1 gauge', /metric name/);
  f('# HELP "foo', /closing quote/);
  f(bytes('# HELP foo \xff'), /UTF-8/);
  f(bytes('# HELP foo\0 x'), /NUL/);

  // another format by mistake
  f('<!DOCTYPE html>', /metric name/);
  f('{"json": 1}', /number/);
});

test('text: an error names the line and a piece of it in safe characters', () => {
  const message = (page: Buffer | string) => {
    try {
      render(page, 'text');
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  };
  assert.equal(
    message('a 1\nb 2\nc \x1b[31mred\nd 4'),
    'line 3: expected a number as value, near "c \\x1b[31mred"',
  );
  assert.equal(message('!'), 'line 1: expected a metric name, a comment or a blank line, near "!"');
  assert.equal(
    message(`a{b="x\ny"} 1\n${'n'.repeat(100)} ${'v'.repeat(100)}`),
    `line 3: expected a number as value, near "...${'n'.repeat(39)} ${'v'.repeat(20)}..."`,
  );
});
