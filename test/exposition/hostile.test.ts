import assert from 'node:assert/strict';
import test from 'node:test';
import { type ExpositionFormat, parseExposition } from '../../src/exposition/index.js';

// Pages that mean harm: each is read or refused in time that grows with its length only. The bound is far above what a machine under load needs, and far
// below what anything quadratic takes for 10 MB.

const MB = 1_000_000;
const BOUND_MS = 5000;

const TYPES = {
  text: 'text/plain',
  openmetrics: 'application/openmetrics-text',
  protobuf: 'application/vnd.google.protobuf',
};

async function f(
  page: string | Buffer,
  want: RegExp | number,
  formats: ExpositionFormat[] = ['text', 'openmetrics'],
) {
  for (const format of formats) {
    const start = performance.now();
    const result = await parseExposition(Buffer.from(page), TYPES[format]).then(
      ({ samples }) => samples.length,
      (error: { code?: string; message: string }) => {
        assert.match(error.code!, /^SEN_(EXPOSITION_INVALID|LIMIT)$/);
        assert.ok(error.message.length < 300, 'a short message');
        return error.message;
      },
    );
    const tookMs = performance.now() - start;
    if (typeof want === 'number') assert.equal(result, want);
    else assert.match(String(result), want);
    assert.ok(tookMs < BOUND_MS, `${format}: ${tookMs.toFixed(0)} ms`);
  }
}

test('hostile: 10 MB on one line', async () => {
  await f('a'.repeat(10 * MB), /number|space|longer/);
  await f(`${'a'.repeat(10 * MB)} 1\n# EOF`, /longer/);
  await f(`a{b="${'c'.repeat(10 * MB)}"} 1\n# EOF`, /1 MiB/);
  await f(`a{${'b'.repeat(10 * MB)}="c"} 1\n# EOF`, /1 MiB/);
  await f(`{"${'b'.repeat(10 * MB)}"} 1\n# EOF`, /1 MiB/);
  await f(`a ${'1'.repeat(10 * MB)}\n# EOF`, /number/);
  await f(`a ${'0'.repeat(10 * MB)}\n# EOF`, /longer/);
  await f(`a 0.${'0'.repeat(10 * MB)}1\n# EOF`, /number/);
  await f(`a 1 ${'0'.repeat(10 * MB)}\n# EOF`, /longer/);
  await f(`a 1e${'9'.repeat(10 * MB)}\n# EOF`, /number/);
  await f(`# HELP a ${'b'.repeat(10 * MB)}\n# EOF`, /longer/);
  await f(`# TYPE a ${'b'.repeat(10 * MB)}\n# EOF`, /longer/);
  await f(`# TYPE ${'a'.repeat(10 * MB)} gauge\n# EOF`, /longer/);
  await f(`# HELP "${'b'.repeat(10 * MB)}" c\n# EOF`, /closing quote/);
  await f('#'.repeat(10 * MB), 0, ['text']);
  await f(' '.repeat(10 * MB), /metric name/);
  await f(`a${' '.repeat(10 * MB)}1`, /number|space/);
});

test('hostile: a million of something', async () => {
  const labels = Array.from({ length: MB }, (_, i) => `l${i}="v"`).join(',');
  await f(`a{${labels}} 1\n# EOF`, /1 MiB/);
  await f(`a{${labels.slice(0, 20_000).replace(/,[^,]*$/, '')}} 1\n# EOF`, /more than 1000 labels/);
  await f(`a{${'l="v",'.repeat(1001)}} 1\n# EOF`, /more than 1000 labels/);
  await f('\n'.repeat(10 * MB), 0, ['text']);
  await f('#\n'.repeat(5 * MB), 0, ['text']);
  await f(`${'\n'.repeat(10 * MB)}!`, /^byte 10000000: /, ['text']);
  await f(`a{${'{'.repeat(MB)}`, /not closed/);
  await f(`a{b="${'\\'.repeat(MB)}`, /not closed/);
  await f('a{b="'.repeat(MB), /not closed|number|space/);
  await f('"'.repeat(10 * MB), /metric name/);
});

test('hostile: bytes that are no text', async () => {
  await f(Buffer.alloc(10 * MB, 0xff), /metric name/);
  await f(Buffer.alloc(10 * MB), 0, ['text']);
  await f(Buffer.alloc(10 * MB), /metric name/, ['openmetrics']);
  await f(Buffer.concat([Buffer.from('a{b="'), Buffer.alloc(MB, 0xc3), Buffer.from('"} 1\n# EOF')]), /UTF-8/);
  await f(Buffer.concat([Buffer.from('# HELP a '), Buffer.alloc(MB, 0x80), Buffer.from('\n# EOF')]), /UTF-8/);
});
