import assert from 'node:assert/strict';
import test from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  errorLine,
  formatDuration,
  formatSize,
  redactUrl,
  roughDuration,
  roughSize,
  Secret,
  shownUrl,
  tryParseDuration,
  tryParseSize,
} from '../../src/lib/index.js';

test('durations as Prometheus writes them', () => {
  const f = (text: string, want: number | undefined) => assert.equal(tryParseDuration(text), want, text);
  f('0', 0);
  f('15s', 15_000);
  f('1m30s', 90_000);
  f('1d', 86_400_000);
  f('1y2w3d4h5m6s7ms', 31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_400_000 + 300_000 + 6000 + 7);
  // none
  for (const text of ['', '10', 's', '1.5s', '-1s', '1s1m', '1m1m', '1 s', '1S', '1us']) f(text, undefined);
});

test('a duration that was formatted reads back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => tryParseDuration(formatDuration(ms)) === ms),
  );
  assert.equal(formatDuration(90_000), '1m30s');
});

test('sizes with a unit', () => {
  const f = (text: string, want: number | undefined) => assert.equal(tryParseSize(text), want, text);
  f('0', 0);
  f('64KiB', 65_536);
  f('1GiB', 2 ** 30);
  f('1.5MB', 1.5 * 2 ** 20);
  f('512B', 512);
  f('2PB', 2 ** 51);
  f('1MiB512KiB', 1.5 * 2 ** 20);
  for (const text of ['', '64', '64K', 'MiB', '-1B', '1 MiB', '1iB', '1MiB512']) f(text, undefined);
  assert.equal(formatSize(33_554_432), '32MiB');
  assert.equal(formatSize(1500), '1500B');
});

test('a secret does not leak', () => {
  const secret = new Secret('hunter2');
  for (const text of [`${secret}`, JSON.stringify({ secret }), inspect({ secret }), String([secret])]) {
    assert.ok(!text.includes('hunter2') && text.includes('<secret>'), text);
  }
  assert.equal(secret.reveal(), 'hunter2');
});

test('a URL is shown without what may be secret', () => {
  const f = (url: string, want: string) => assert.equal(redactUrl(url), want);
  f('http://h:8428/api/v1/write', 'http://h:8428/api/v1/write');
  f('https://u:p@h/x?token=abc&b=1', 'https://<secret>@h/x?token=<secret>&b=<secret>');
  f('http://u:p@[bad/x?y=z', 'http://<secret>@[bad/x?<secret>');
});

test('a scrape URL is shown with what is probed, and without what is called like a secret', () => {
  const f = (url: string, want: string) => assert.equal(shownUrl(url), want);
  f('http://u:p@h/probe?module=x&target=a', 'http://<secret>@h/probe?module=x&target=a');
  for (const name of ['token', 'api-key', 'api_key', 'apikey', 'key', 'access_key', 'auth', 'X-Password'])
    f(`http://h/?${name}=abc&keyspace=1`, `http://h/?${name}=<secret>&keyspace=1`);
});

test('an error prints with its causes on one line', () => {
  const error = new Error('cannot open buffer "/x"', {
    cause: new Error('cannot read header', { cause: 'EIO' }),
  });
  assert.equal(errorLine(error), 'cannot open buffer "/x": cannot read header: EIO');
});

test('durations and sizes for people', () => {
  const f = (ms: number, want: string) => assert.equal(roughDuration(ms), want);
  f(0, '0s');
  f(-5, '0s');
  f(0.4, '0s');
  f(Number.NaN, '0s');
  f(350.9, '350ms');
  f(1999, '1s');
  f(61_500, '1m1s');
  f(3_601_000, '1h');
  f(3_660_000, '1h1m');
  f(93_784_000, '1d2h');
  f(400 * 86_400_000, '400d');
  const g = (bytes: number, want: string) => assert.equal(roughSize(bytes), want);
  g(0, '0 B');
  g(1023, '1023 B');
  g(1536, '1.5 KiB');
  g(68_866_048, '65.7 MiB');
  g(2 ** 41, '2 TiB');
});
