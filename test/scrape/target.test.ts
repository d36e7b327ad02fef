import assert from 'node:assert/strict';
import test from 'node:test';
import { type Labels, labelsOf, labelsToMap } from '../../src/model/index.js';
import type { ScrapeConfig } from '../../src/scrape/index.js';
import { populateTarget, type Target } from '../../src/scrape/target.js';
import { discoveredLabels } from '../../src/scrape/target-labels.js';
import { scrapeConfig } from './scrape-config.js';

type Map = Readonly<Record<string, string>>;

interface Case {
  target: Map;
  group?: Map;
  config?: Partial<ScrapeConfig>;
  relabel?: (labels: Record<string, string>) => Map | undefined;
}

function populate({ target, group = {}, config = {}, relabel = (labels) => labels }: Case) {
  const job = scrapeConfig(config);
  const discovered = discoveredLabels(job, { source: '0', targets: [], labels: group }, target);
  const relabelling = {
    apply: (labels: Labels) => {
      const result = relabel(labelsToMap(labels));
      return result && labelsOf(result);
    },
  };
  return populateTarget(job, relabelling, discovered);
}

function targetOf(input: Case): Target {
  const populated = populate(input);
  assert(populated.kind === 'target', JSON.stringify(populated));
  return populated.target;
}

const address = { __address__: '1.2.3.4:1000' };

test('a target gets the labels of its job', () => {
  const target = targetOf({ target: { ...address, custom: 'value' } });
  assert.deepEqual(labelsToMap(target.labels), {
    custom: 'value',
    instance: '1.2.3.4:1000',
    job: 'job',
  });
  assert.deepEqual(labelsToMap(target.discoveredLabels), {
    __address__: '1.2.3.4:1000',
    __always_scrape_classic_histograms__: 'false',
    __convert_classic_histograms_to_nhcb__: 'false',
    __metrics_path__: '/metrics',
    __scheme__: 'http',
    __scrape_interval__: '1s',
    __scrape_native_histograms__: 'false',
    __scrape_timeout__: '1s',
    custom: 'value',
    job: 'job',
  });
});

test('own labels win over those of the group, and both over the job', () => {
  const target = targetOf({
    target: { ...address, job: 'own', site: 'a', empty: '' },
    group: {
      site: 'b',
      empty: 'group',
      __scheme__: 'https',
      __metrics_path__: '/custom',
      __scrape_interval__: '2s',
      __scrape_timeout__: '1s500ms',
      __scrape_native_histograms__: 'T',
    },
  });
  assert.equal(target.url, 'https://1.2.3.4:1000/custom');
  assert.deepEqual(labelsToMap(target.labels), { instance: '1.2.3.4:1000', job: 'own', site: 'a' });
  const { intervalMs, timeoutMs, nativeHistograms } = target.config;
  assert.deepEqual([intervalMs, timeoutMs, nativeHistograms], [2000, 1500, true]);
});

test('an instance of its own stays', () => {
  const target = targetOf({ target: { ...address, instance: 'router' } });
  assert.equal(labelsToMap(target.labels).instance, 'router');
});

test('no port is added or taken away', () => {
  for (const [host, url] of [
    ['1.2.3.4', 'http://1.2.3.4/metrics'],
    ['[::1]', 'http://[::1]/metrics'],
    ['host:80', 'http://host:80/metrics'],
  ] as const) {
    const target = targetOf({ target: { __address__: host } });
    assert.equal(target.url, url);
    assert.equal(labelsToMap(target.labels).instance, host);
  }
});

test('an address may come from a rule; what starts with __ does not reach the series', () => {
  const target = targetOf({
    target: { custom: 'host:1234', __meta_zone: 'x' },
    relabel: (labels) => ({ ...labels, __address__: labels.custom!, __tmp: '1', zone: labels.__meta_zone! }),
  });
  assert.deepEqual(labelsToMap(target.labels), {
    custom: 'host:1234',
    instance: 'host:1234',
    job: 'job',
    zone: 'x',
  });
});

test('a rule drops a target', () => {
  assert.deepEqual(populate({ target: address, relabel: () => undefined }), { kind: 'dropped' });
});

test('what is wrong with a target, in the words of Prometheus', () => {
  const f = (more: Map, error: string) =>
    assert.deepEqual(populate({ target: { ...address, ...more } }), { kind: 'invalid', error });
  f({ __address__: '' }, 'no address');
  f({ __address__: 'http://a' }, '"http://a" is not a valid hostname');
  f({ custom: 'half\ud800' }, 'invalid label value for "custom": "half\\ud800"');
  f(
    { __scrape_interval__: '2notseconds' },
    'error parsing scrape interval: unknown unit "notseconds" in duration "2notseconds"',
  );
  f(
    { __scrape_timeout__: '2notseconds' },
    'error parsing scrape timeout: unknown unit "notseconds" in duration "2notseconds"',
  );
  f({ __scrape_interval__: '1s1h' }, 'error parsing scrape interval: not a valid duration string: "1s1h"');
  f({ __scrape_interval__: '15' }, 'error parsing scrape interval: not a valid duration string: "15"');
  f({ __scrape_interval__: '0s' }, 'scrape interval cannot be 0');
  f({ __scrape_timeout__: '0s' }, 'scrape timeout cannot be 0');
  f(
    { __scrape_interval__: '1s', __scrape_timeout__: '2s' },
    'scrape timeout cannot be greater than scrape interval ("2s" > "1s")',
  );
  f(
    { __convert_classic_histograms_to_nhcb__: 'maybe' },
    'error parsing convert classic histograms to nhcb: strconv.ParseBool: parsing "maybe": invalid syntax',
  );
});

test('labels that are dropped by a rule fall back to nothing', () => {
  const target = targetOf({
    target: address,
    relabel: ({ job, __scrape_native_histograms__, ...rest }) => rest,
    config: { nativeHistograms: true },
  });
  assert.deepEqual(labelsToMap(target.labels), { instance: '1.2.3.4:1000' });
  assert.equal(target.config.nativeHistograms, false);
  const without = populate({ target: address, relabel: ({ __scrape_interval__, ...rest }) => rest });
  assert.deepEqual(without, {
    kind: 'invalid',
    error: 'error parsing scrape interval: empty duration string',
  });
});

test('the URL: path and parameters escaped as Go does, labels before the first value of a parameter', () => {
  const f = (more: Map, config: Partial<ScrapeConfig>, want: string) =>
    assert.equal(targetOf({ target: { __address__: 'h:1', ...more }, config }).url, `http://h:1${want}`);
  f({}, { metricsPath: '/x y?z=1' }, '/x%20y%3Fz=1');
  f({}, { metricsPath: 'no/slash' }, '/no/slash');
  f({}, { metricsPath: "/a%41!*'()é#[x]$&+,:;=@" }, '/a%2541%21%2A%27%28%29%C3%A9%23%5Bx%5D$&+,:;=@');
  f({}, { params: { b: ['2', '3'], a: ['x y', '~*/'] } }, '/metrics?a=x+y&a=~%2A%2F&b=2&b=3');
  f({ __param_a: 'own' }, { params: { a: ['1', '2'] } }, '/metrics?a=own&a=2');
  f({ __param_new: 'q' }, { params: { a: [] } }, '/metrics?new=q');
});

test('a parameter whose label a rule removes is still sent', () => {
  const target = targetOf({
    target: address,
    config: { params: { module: ['tcp'] } },
    relabel: ({ __param_module, ...rest }) => rest,
  });
  assert.equal(target.url, 'http://1.2.3.4:1000/metrics?module=tcp');
});

test('an address that is more than a host cannot be asked for something else', () => {
  for (const host of ['me:pw@other', 'h?x=1', 'h#x', 'h\\x', 'h x', '%41'])
    assert.equal(URL.canParse(targetOf({ target: { __address__: host } }).url), false, host);
});

test('a target may have limits of its own', () => {
  const limits = (more: Map) => targetOf({ target: { ...address, ...more } }).config.limits;
  const own = limits({ __sample_limit__: '5', __label_limit__: '6', __series_limit__: '7' });
  assert.deepEqual([own.samples, own.labels, own.series], [5, 6, 7]);
  assert.equal(limits({ __max_scrape_size__: '1MiB' }).maxScrapeBytes, 2 ** 20);
  assert.deepEqual(limits({}), scrapeConfig().limits);
  assert.deepEqual(populate({ target: { ...address, __sample_limit__: '-1' } }), {
    kind: 'invalid',
    error: 'error parsing __sample_limit__: "-1" is no limit',
  });
});

test('a Unix socket to connect to is a label; the URL says nothing of it', () => {
  const target = targetOf({ target: { ...address, __unix_socket__: '/run/x.sock' } });
  assert.deepEqual([target.socketPath, target.url], ['/run/x.sock', 'http://1.2.3.4:1000/metrics']);
  assert.equal(targetOf({ target: address }).socketPath, undefined);
  // The rules of a job may take it from what was discovered.
  const relabel = ({ __meta_socket: __unix_socket__ = '', ...rest }) => ({ ...rest, __unix_socket__ });
  assert.equal(targetOf({ target: { ...address, __meta_socket: '/s' }, relabel }).socketPath, '/s');
});

test('the key: the same for what discovery alone sees, another for any other label', () => {
  const key = (more: Map) => targetOf({ target: { ...address, ...more } }).key;
  assert.equal(key({ __meta_a: '1' }), key({ __meta_a: '2' }));
  assert.notEqual(key({ a: '1' }), key({ a: '2' }));
  assert.notEqual(key({ __tmp: '1' }), key({ __tmp: '2' }));
  assert.notEqual(key({ __scrape_interval__: '1m' }), key({}));
  const seriesKey = (more: Map) => targetOf({ target: { ...address, ...more } }).seriesKey;
  assert.equal(seriesKey({ __scrape_interval__: '1m' }), seriesKey({}));
  assert.notEqual(seriesKey({ a: '1' }), seriesKey({}));
});

test('targets whose labels say nothing else share the configuration of their job', () => {
  const job = scrapeConfig();
  const discovered = discoveredLabels(job, { source: '0', targets: [], labels: {} }, address);
  const populated = populateTarget(job, { apply: (labels) => labels }, discovered);
  assert(populated.kind === 'target');
  assert.equal(populated.target.config, job);
});

test('an interval of whole weeks and years is a label as Prometheus prints it', () => {
  const f = (intervalMs: number, want: string) =>
    assert.equal(
      labelsToMap(targetOf({ target: address, config: { intervalMs } }).discoveredLabels).__scrape_interval__,
      want,
    );
  f(90_000, '1m30s');
  f(14 * 86_400_000, '2w');
  f(8 * 86_400_000, '8d');
});
