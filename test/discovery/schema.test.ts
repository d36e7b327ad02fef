import assert from 'node:assert/strict';
import test from 'node:test';
import { discoveryConfigs, discoveryEntries, refusedDiscoveries } from '../../src/discovery/schema.js';
import { field } from '../../src/lib/index.js';

const section = field.section('A job.', discoveryEntries, { refused: refusedDiscoveries });

function configs(keys: unknown) {
  const { value, issues } = field.check(section, keys);
  assert.equal(issues, undefined, JSON.stringify(issues));
  return discoveryConfigs(value!, '/etc/sentinel');
}

function issuesOf(keys: unknown): string {
  const { issues } = field.check(section, keys);
  return (issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n');
}

test('discovery keys: what they give', () => {
  const http = configs({
    http_sd_configs: [{ url: 'https://h/x?y=1', follow_redirects: false, bearer_token: 't' }],
  })[0];
  assert(http?.kind === 'http');
  assert.equal(http.url, 'https://h/x?y=1');
  assert.equal(http.refreshMs, 60_000);
  assert.equal(http.http.followRedirects, false);
  assert.equal(http.http.keepAlive, true);
  assert.equal(http.http.authorization?.credentials.reveal(), 't');
  assert.deepEqual(configs({}), []);
  assert.deepEqual(
    configs({
      dns_sd_configs: [
        { names: ['_a._tcp.b'] },
        { names: ['a', 'b'], type: 'a', port: 9100, refresh_interval: '1m' },
      ],
      file_sd_configs: [{ files: ['t/*.json', '/srv/x.YML', 't*.yaml'] }],
      static_configs: [{ targets: ['a:1'], labels: { site: 'hq' } }, {}],
    }),
    [
      {
        kind: 'static',
        groups: [
          { source: '0', targets: [{ __address__: 'a:1' }], labels: { site: 'hq' } },
          { source: '1', targets: [], labels: {} },
        ],
      },
      {
        kind: 'file',
        files: ['/etc/sentinel/t/*.json', '/srv/x.YML', '/etc/sentinel/t*.yaml'],
        refreshMs: 300_000,
      },
      { kind: 'dns', names: ['_a._tcp.b'], type: 'SRV', port: 0, refreshMs: 30_000 },
      { kind: 'dns', names: ['a', 'b'], type: 'A', port: 9100, refreshMs: 60_000 },
    ],
  );
});

test('discovery keys: what is refused', () => {
  const f = (keys: unknown, want: RegExp) => assert.match(issuesOf(keys), want);

  // entries without a value, in Prometheus's words
  for (const key of Object.keys(discoveryEntries))
    f({ [key]: [undefined] }, new RegExp(`^${key}\\.0: empty or null section in ${key}$`));
  // unknown keys
  f({ static_configs: [{ target: ['a:1'] }] }, /static_configs\.0\.target: unknown key.*targets/);
  f({ http_sd_configs: [{ url: 'http://h', refresh: '1m' }] }, /http_sd_configs\.0\.refresh: unknown key/);
  // static
  f({ static_configs: [{ targets: 'a:1' }] }, /targets: expected a list/);
  f({ static_configs: [{ targets: [9100] }] }, /targets\.0: expected a text/);
  // http
  f({ http_sd_configs: [{}] }, /http_sd_configs\.0\.url: missing/);
  f({ http_sd_configs: [{ url: 'ftp://h/x' }] }, /expected a URL such as http/);
  f({ http_sd_configs: [{ url: 'http://' }] }, /expected a URL such as http/);
  f({ http_sd_configs: [{ url: 'http://h', refresh_interval: '0s' }] }, /must be at least 100ms/);
  f(
    { http_sd_configs: [{ url: 'http://h', bearer_token: 'x', basic_auth: { username: 'y' } }] },
    /only one of/,
  );
  // file
  f({ file_sd_configs: [{}] }, /file_sd_configs\.0\.files: missing/);
  f({ file_sd_configs: [{ files: [] }] }, /files: must not be empty/);
  for (const path of ['a.txt', 'a', '*/a.json', 'a*/b.json', 'a.Json', 'http://h/a.json'])
    f(
      { file_sd_configs: [{ files: [path] }] },
      /files\.0: expected a path that ends in \.json, \.yml or \.yaml/,
    );
  // dns
  f({ dns_sd_configs: [{ names: [] }] }, /names: must not be empty/);
  f({ dns_sd_configs: [{ names: ['a'], type: 'TXT' }] }, /type: expected one of SRV, A, AAAA, MX/);
  for (const type of ['A', 'aaaa', 'MX'])
    f(
      { dns_sd_configs: [{ names: ['a'], type }] },
      new RegExp(`type: records of type ${type} say no port; give port`),
    );
  f({ dns_sd_configs: [{ names: ['a'], type: 'A', port: 0 }] }, /give port/);
  f({ dns_sd_configs: [{ names: ['a'], port: 70_000 }] }, /must be at most 65535/);
  // discoveries of others
  for (const key of ['kubernetes_sd_configs', 'consul_sd_configs', 'vultr_configs', 'yandexcloud_sd_configs'])
    f(
      { [key]: [{}] },
      new RegExp(
        `^${key}: this discovery is not built in; there are static_configs, file_sd_configs, http_sd_configs, dns_sd_configs`,
      ),
    );
});
