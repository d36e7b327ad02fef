import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { configText, loadConfig } from '../../src/config/index.js';
import { yamlText } from '../../src/config/yaml-text.js';
import { folderOf, type PluginCatalog } from '../../src/probe/index.js';
import { inFolder } from './fixture.js';
import { dependencies } from './plugins.js';

/** What the agent keeps of its plugins. */
const foldersOf = ({ plugins }: PluginCatalog) => ({
  plugins: new Map([...plugins].map(([name, plugin]) => [name, folderOf(plugin)])),
});

/** The configuration that a text gives, as it is shown, and read back. */
async function shown(text: string, env = {}): Promise<{ yaml: string; value: unknown }> {
  return inFolder({ 'c.yaml': text, token: 'hunter2' }, async (cwd) => {
    const { config, catalog } = await loadConfig('c.yaml', dependencies({ cwd, env }));
    const yaml = configText(config, foldersOf(catalog));
    return { yaml, value: parse(yaml) };
  });
}

test('the configuration is shown as it is written, and every secret of it is masked', async () => {
  const { yaml, value } = await shown(
    `
sentinel: {name: a, labels: {site: hq}}
http: {basic_auth: {username: op, password: hunter2}}
plugins: {config: {http: {headers: {X-Key: hunter2}, bearer_token: hunter2}}}
sender:
  flush_interval: 10s
  direct:
    vm: {url: "http://me:hunter2@vm:8428/w?token=hunter2&x", username: me, password: "\${PASSWORD}", headers: {X-Key: hunter2}}
    off: {enabled: false, url: "http://off/w", bearer_token_file: token}
remote_write:
  - {url: "http://p/w", authorization: {credentials: hunter2}, proxy_url: "http://me:hunter2@proxy:3128"}
tasks:
  - {id: web, plugin: http, interval: 60s, labels: {a: b}, config: {url: "http://me:hunter2@h/?k=hunter2", headers: {Cookie: hunter2}, method: GET}}
  - {id: ping, plugin: ping, interval: 1m30s, config: {host: 192.0.2.1}}
`,
    { PASSWORD: 'hunter2' },
  );
  assert.doesNotMatch(yaml, /hunter2/);
  assert.deepEqual(value, {
    sentinel: { name: 'a', labels: { site: 'hq' } },
    http: { basic_auth: { username: 'op', password: '<secret>' } },
    plugins: { config: { http: { headers: { 'X-Key': '<secret>' }, bearer_token: '<secret>' } } },
    sender: {
      flush_interval: '10s',
      direct: {
        vm: {
          url: 'http://<secret>@vm:8428/w?token=<secret>&x=<secret>',
          username: '<secret>',
          password: '<secret>',
          headers: { 'X-Key': '<secret>' },
        },
        off: { enabled: false, url: 'http://off/w', bearer_token_file: 'token' },
      },
    },
    remote_write: [
      {
        url: 'http://p/w',
        authorization: { credentials: '<secret>' },
        proxy_url: 'http://<secret>@proxy:3128/',
      },
    ],
    tasks: [
      {
        id: 'web',
        device_id: 'http://h/?k=<secret>',
        plugin: 'http',
        interval: '1m',
        timeout: '30s',
        labels: { a: 'b' },
        config: {
          headers: { Cookie: '<secret>' },
          bearer_token: '<secret>',
          url: 'http://<secret>@h/?k=<secret>',
          method: 'GET',
        },
      },
      {
        id: 'ping',
        device_id: '192.0.2.1',
        plugin: 'ping',
        interval: '1m30s',
        timeout: '30s',
        config: { host: '192.0.2.1' },
      },
    ],
  });
});

test('what is scraped is shown without its secrets, and what only a server reads is not shown', async () => {
  const { yaml, value } = await shown(`
global: {external_labels: {a: b}, evaluation_interval: 1m}
scrape_configs:
  - job_name: a
    authorization: {credentials: hunter2}
    headers: ["X-Key: hunter2"]
    params: {token: [hunter2], sig: [hunter2], module: [x]}
    proxy_url: http://me:hunter2@proxy/
    static_configs: [{targets: [a:1], labels: {x: y}}]
    relabel_configs: [{target_label: a, replacement: "$1"}]
  - {job_name: b, basic_auth: {username: hunter2, password_file: token}}
write_relabel_configs: [{action: labeldrop, regex: x}]
remote_write: [{url: "http://p/w?k=hunter2", write_relabel_configs: [{action: drop, source_labels: [a], regex: b}]}]
alerting: {alertmanagers: [{basic_auth: {password: hunter2}}]}
`);
  assert.doesNotMatch(yaml, /hunter2/);
  assert.deepEqual(value, {
    global: { external_labels: { a: 'b' }, evaluation_interval: '1m' },
    scrape_configs: [
      {
        job_name: 'a',
        authorization: { credentials: '<secret>' },
        headers: ['<secret>'],
        params: { token: ['<secret>'], sig: ['<secret>'], module: ['x'] },
        proxy_url: 'http://<secret>@proxy/',
        static_configs: [{ targets: ['a:1'], labels: { x: 'y' } }],
        relabel_configs: [{ target_label: 'a', replacement: '$1' }],
      },
      { job_name: 'b', basic_auth: { username: '<secret>', password_file: 'token' } },
    ],
    write_relabel_configs: [{ action: 'labeldrop', regex: 'x' }],
    remote_write: [
      {
        url: 'http://p/w?k=<secret>',
        write_relabel_configs: [{ action: 'drop', source_labels: ['a'], regex: 'b' }],
      },
    ],
    tasks: [],
  });
});

test('names of secrets in what a user names himself: parameters of a token, labels that become parameters', async () => {
  const { yaml } = await shown(`
scrape_configs:
- job_name: a
  oauth2:
    client_id: me
    client_secret: hunter2
    token_url: http://login/token
    endpoint_params: {audience: metrics, client_assertion: hunter2}
  static_configs: [{targets: ["a:1"], labels: {__param_auth: hunter2, jwt: hunter2, signature: hunter2}}]
`);
  assert.doesNotMatch(yaml, /hunter2/);
  for (const text of ['audience: metrics', 'token_url: "http://login/token"'])
    assert.ok(yaml.includes(text), yaml);
});

test('an empty file shows no more than that there are no tasks', async () => {
  assert.equal((await shown('')).yaml, 'tasks: []\n');
});

test('the cost of showing the configuration grows with its tasks, not with their square', async () => {
  await inFolder({ 'c.yaml': '' }, async (cwd) => {
    const text =
      'tasks: [{id: a, plugin: http, interval: 60s, config: {url: "http://h/", headers: {A: hunter2}}}]';
    writeFileSync(`${cwd}/c.yaml`, text);
    const { config, catalog } = await loadConfig('c.yaml', dependencies({ cwd }));
    const folders = foldersOf(catalog);
    const [task] = config.tasks;
    const tasks = Array.from({ length: 10_000 }, (_, i) => ({ ...task!, id: `task-${i}` }));
    // Ten times the tasks may cost ten times the time, and some: not a hundred times.
    const costOf = (count: number) => {
      const part = tasks.slice(0, count);
      const times = Array.from({ length: 5 }, () => {
        const before = process.cpuUsage();
        assert.ok(configText({ ...config, tasks: part }, folders).length > count * 100);
        return process.cpuUsage(before).user / 1000;
      });
      return Math.min(...times);
    };
    const [small, large] = [costOf(1000), costOf(10_000)];
    assert.ok(large < 40 * Math.max(small, 2), `${small} ms for 1,000 tasks, ${large} ms for 10,000`);
  });
});

test('YAML: what was written reads back as it was', () => {
  const f = (value: unknown, want: string) => {
    assert.equal(yamlText(value), want);
    assert.deepEqual(parse(want), value);
  };
  f(
    { a: 1, b: [], c: {}, d: [1, 'x'], e: { f: [{ g: 1, h: [2] }, [3]] } },
    'a: 1\nb: []\nc: {}\nd:\n  - 1\n  - x\ne:\n  f:\n    - g: 1\n      h:\n        - 2\n    - - 3\n',
  );
  f(
    { 'a b': 'no', x: null, t: true, v: '1.10', s: ' x', colon: 'a: b', hash: 'a #b' },
    '"a b": "no"\nx: null\nt: true\nv: "1.10"\ns: " x"\ncolon: "a: b"\nhash: "a #b"\n',
  );
  const scalar = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null));
  const key = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((text) => text !== '__proto__' && text !== '<<');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      scalar,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, tree, { minKeys: 1, maxKeys: 4, noNullPrototype: true }), (value) => {
      assert.deepEqual(JSON.parse(JSON.stringify(parse(yamlText(value)))), JSON.parse(JSON.stringify(value)));
    }),
  );
});
