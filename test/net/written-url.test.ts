import assert from 'node:assert/strict';
import test from 'node:test';
import { parseWrittenUrl } from '../../src/net/written-url.js';

test('url: the host is the one that is written', () => {
  for (const [text, host] of [
    ['http://127.0.0.1:9100/metrics', '127.0.0.1:9100'],
    ['http://user:p@10.0.0.1/', '10.0.0.1'],
    ['HTTPS://Example.COM/x', 'example.com'],
    ['http://[::1]:9/', '[::1]:9'],
    ['http://name1234/', 'name1234'],
  ] as const)
    assert.equal(parseWrittenUrl(text).host, host);
  assert.equal(
    parseWrittenUrl('/there', new URL('http://127.0.0.1:9/here')).href,
    'http://127.0.0.1:9/there',
  );
});

test('url: a number that only the WHATWG rules take for an address is refused', () => {
  for (const text of [
    'http://010.0.0.1:9/',
    'http://1234/',
    'http://127.1/',
    'http://u:p@0x7f000001/',
    'http://1.2.3.04:80/x',
  ])
    assert.throws(() => parseWrittenUrl(text), { code: 'SEN_RESOLVE', message: /four decimal parts/ }, text);
});
