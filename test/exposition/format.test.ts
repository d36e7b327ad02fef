import assert from 'node:assert/strict';
import test from 'node:test';
import { formatOf } from '../../src/exposition/index.js';

test('format: by the media type alone', () => {
  const f = (contentType: string, want: string) => assert.equal(formatOf(contentType), want, contentType);

  f('text/plain', 'text');
  f('text/plain; version=0.0.4; charset=utf-8', 'text');
  f('text/plain;version=1.0.0;escaping=allow-utf-8', 'text');
  f('TEXT/Plain', 'text');
  f(' text/plain ;charset="utf-8"', 'text');
  f('text/plain;', 'text');
  f('text/plain; version = 0.0.4', 'text');
  f('application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics');
  f('application/openmetrics-text;version=0.0.1', 'openmetrics');
  f('application/openmetrics-text;version=9.9.9', 'openmetrics');
});

test('format: no fallback, no page', () => {
  const f = (contentType: string, want: RegExp) => {
    assert.throws(
      () => formatOf(contentType),
      (error: { code?: string; message?: string }) =>
        error.code === 'SEN_EXPOSITION_INVALID' && want.test(error.message!),
      contentType,
    );
    assert.equal(formatOf(contentType, 'text'), 'text');
    assert.equal(formatOf(contentType, 'openmetrics'), 'openmetrics');
  };

  f('', /sending blank Content-Type and no fallback_scrape_protocol/);
  f('text/html', /received unsupported Content-Type "text\/html" and no fallback_scrape_protocol/);
  f('application/json; charset=utf-8', /unsupported Content-Type/);
  f('text', /unsupported Content-Type/);
  f('invalid/', /cannot parse Content-Type "invalid\/"/);
  f('/plain', /cannot parse/);
  f('text/plain text', /cannot parse/);
  f('text/plain; charset=a; charset=b', /cannot parse/);
  f('text/plain; charset', /cannot parse/);
  f('text/plain; =x', /cannot parse/);
  f('text/plain; charset="x', /cannot parse/);
  f(`text/plain; a=${'x'.repeat(5000)}`, /cannot parse/);
  f('\x1b[31m', /cannot parse Content-Type "\\u001b\[31m"/);
});

test('format: protobuf by its media type, whatever the fallback', () => {
  const type = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
  assert.equal(formatOf(type, 'text'), 'protobuf');
});
