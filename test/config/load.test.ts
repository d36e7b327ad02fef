import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { loadConfig } from '../../src/config/index.js';
import { Secret } from '../../src/lib/index.js';
import { faults, inFolder, load } from './fixture.js';
import { catalog, dependencies } from './plugins.js';

test('an empty file is a configuration: all defaults', async () => {
  for (const text of ['', '# nothing\n', 'sentinel:\ntasks:\nsender:\n']) {
    const config = await load(text);
    assert.equal(config.sentinel.name, 'test-host');
    assert.equal(config.sentinel.region, '');
    assert.deepEqual([config.tasks, config.destinations, config.warnings], [[], [], []]);
    assert.equal(config.http.listen, '127.0.0.1:9872');
    assert.deepEqual(config.buffer, {
      commitIntervalMs: 10_000,
      maxSizeBytes: 2 ** 30,
      maxAgeMs: 0,
      maxMemoryBytes: 2 ** 25,
      onFull: 'drop_oldest',
      synchronous: 'normal',
    });
  }
});

test('places of data and log: the working directory, or what systemd says', async () => {
  const f = async (env: Record<string, string>, text: string, want: [string, string | undefined]) => {
    await inFolder({ 'c.yaml': text }, async (folder) => {
      const file = join(folder, 'c.yaml');
      const { config } = await loadConfig(file, dependencies({ env, cwd: '/w' }));
      assert.deepEqual([config.sentinel.dataDirectory, config.logging.file], want);
      assert.equal(config.file, file);
    });
  };
  await f({}, '', ['/w/data', '/w/logs/sentinel.log']);
  await f({ STATE_DIRECTORY: '/var/lib/a:/var/lib/b', LOGS_DIRECTORY: '/var/log/a:/x' }, '', [
    '/var/lib/a',
    '/var/log/a/sentinel.log',
  ]);
  await f({}, 'sentinel: {data_dir: d}\nlogging: {file_path: l/x.log}', ['/w/d', '/w/l/x.log']);
  await f({ JOURNAL_STREAM: '8:1' }, '', ['/w/data', undefined]);
});

test('where logs go', async () => {
  const f = async (text: string, more: object, want: string) => {
    const { logging } = await load(text, more);
    const file = logging.file === undefined ? '' : ' file';
    assert.equal(`${logging.level} ${logging.format}${logging.stdout ? ' stdout' : ''}${file}`, want);
  };
  await f('', {}, 'info json stdout file');
  await f('', { isTty: true }, 'info pretty stdout file');
  await f('', { env: { INVOCATION_ID: 'x' } }, 'info json stdout');
  await f('logging: {output: file, level: debug}', { env: { INVOCATION_ID: 'x' } }, 'debug json file');
  await f('logging: {output: stdout, format: json}', { isTty: true }, 'info json stdout');
  await f('logging: {output: both, format: pretty}', {}, 'info pretty stdout file');
});

test('when the log file is moved aside', async () => {
  const f = async (text: string, want: [number, number]) => {
    const { logging } = await load(text);
    assert.deepEqual([logging.maxSizeBytes, logging.maxFiles], want);
  };
  await f('', [10 * 2 ** 20, 5]);
  await f('logging: {max_size: 64KiB, max_files: 1}', [65_536, 1]);
  await f('logging: {max_size: 0}', [0, 5]);
  assert.deepEqual(await faults('logging: {max_files: 0}'), ['1:22: logging.max_files: must be at least 1']);
});

test('a task and its defaults', async () => {
  const { tasks } = await load(`
tasks:
  - {id: a, plugin: ping, interval: 60s, config: {host: 192.0.2.1}}
  - {id: b, plugin: http, interval: 5s, device_id: web, labels: {site: hq}, config: {url: "http://u:hunter2@h/x"}}
  - {id: c, plugin: ping, interval: 24d, timeout: 1m, enabled: false, config: {host: x}}
`);
  assert.equal(tasks.length, 2);
  const { baseDirectory, ...first } = tasks[0]!;
  assert.match(baseDirectory, /sentinel-config-/);
  assert.deepEqual(first, {
    id: 'a',
    deviceId: '192.0.2.1',
    target: '192.0.2.1',
    plugin: 'ping',
    lane: 'ping',
    intervalMs: 60_000,
    timeoutMs: 30_000,
    labels: {},
    config: { host: '192.0.2.1' },
  });
  const { deviceId, target, timeoutMs, lane, labels, config } = tasks[1]!;
  // a label is no place for a password
  assert.deepEqual(
    { deviceId, target, timeoutMs, lane, labels, config },
    {
      deviceId: 'web',
      target: 'http://h/x',
      timeoutMs: 5000,
      lane: 'probe',
      labels: { site: 'hq' },
      config: { url: 'http://u:hunter2@h/x' },
    },
  );
});

test('plugins.config: defaults under a task, keys of the process apart', async () => {
  const text = `
plugins:
  config:
    ping: {count: 5, max_packet_rate: 50}
    http: {bearer_token_file: token, headers: {a: }}
tasks:
  - {id: a, plugin: ping, interval: 60s, config: {host: x, timeout: }}
  - {id: b, plugin: ping, interval: 60s, config: {host: x, count: 2}}
  - {id: c, plugin: http, interval: 60s, config: {url: http://x, bearer_token: mine}}
`;
  const { tasks, plugins } = await load(text, {}, { token: 'x' });
  assert.deepEqual(
    tasks.map((task) => task.config),
    [
      { count: 5, host: 'x' },
      { count: 2, host: 'x' },
      { headers: {}, url: 'http://x', bearer_token: 'mine' },
    ],
  );
  assert.deepEqual(plugins.hostConfig, { ping: { max_packet_rate: 50 } });
});

test('both forms of destinations give one list', async () => {
  const { destinations } = await load(
    `
sender:
  flush_interval: 10s
  timeout: 7s
  max_backoff: 2m
  direct:
    vm: {url: "http://vm/w", username: me, password: secret, batch_size: 7, order: fresh_first}
    off: {url: "http://off/w", enabled: false}
    tls:
      url: https://tls/w
      tls_config: {ca_file: ca.pem, cert_file: /dev/null, key_file: key.pem, server_name: n}
      headers: {X-Scope-OrgID: net}
      proxy_url: http://proxy:3128
remote_write:
  - url: http://user:pass@prom:9090/api/v1/write?token=x
    remote_timeout: 3s
    bearer_token_file: token
    queue_config: {max_samples_per_send: 9, batch_send_deadline: 3s, min_backoff: 1s, max_backoff: 4s}
  - {name: named, url: "http://b/w", authorization: {credentials: c}}
`,
    {},
    { 'ca.pem': 'x', 'key.pem': 'private', token: 'from-file\n' },
  );
  assert.deepEqual(
    destinations.map((d) => d.name),
    ['vm', 'tls', 'http://prom:9090/api/v1/write', 'named'],
  );
  const [vm, tls, prometheus, named] = destinations;
  const { http, ...rest } = vm!;
  assert.deepEqual(rest, {
    name: 'vm',
    url: 'http://vm/w',
    protocol: 'auto',
    order: 'fresh_first',
    timeoutMs: 7000,
    minBackoffMs: 500,
    maxBackoffMs: 120_000,
    batchSize: 7,
    flushIntervalMs: 10_000,
    relabel: [],
    sendExemplars: false,
    sendNativeHistograms: false,
    metadata: { send: true, intervalMs: 60_000, maxPerSend: 2000 },
  });
  assert.deepEqual(
    [http.basicAuth?.username, http.basicAuth?.password].map(
      (text) => text instanceof Secret && text.reveal(),
    ),
    ['me', 'secret'],
  );
  assert.match(tls!.http.tls!.caFile!, /^\/.*\/ca\.pem$/);
  assert.deepEqual(
    { ...tls!.http.tls, caFile: '', key: tls!.http.tls!.key!.reveal() },
    {
      ca: undefined,
      caFile: '',
      cert: undefined,
      certFile: '/dev/null',
      key: 'private',
      serverName: 'n',
      insecureSkipVerify: false,
      minVersion: 'TLS12',
      maxVersion: undefined,
    },
  );
  const header = tls!.http.headers!['X-Scope-OrgID'];
  assert.equal(header instanceof Secret ? header.reveal() : header, 'net');
  assert.equal(tls!.http.proxy?.url, 'http://proxy:3128');
  assert.equal(prometheus!.url, 'http://user:pass@prom:9090/api/v1/write?token=x');
  assert.equal(prometheus!.http.authorization?.type, 'Bearer');
  assert.equal(prometheus!.http.authorization?.credentials.reveal(), 'from-file');
  const { timeoutMs, batchSize, flushIntervalMs, minBackoffMs, maxBackoffMs } = prometheus!;
  assert.deepEqual(
    [timeoutMs, batchSize, flushIntervalMs, minBackoffMs, maxBackoffMs],
    [3000, 9, 3000, 1000, 4000],
  );
  assert.equal(named!.http.authorization?.credentials.reveal(), 'c');
});

test('variables: a plain one takes the type that is wanted', async () => {
  const env = { PORT: '9100', COUNT: '4', DIGITS: '0123', ON: 'false', NOTHING: '', VM: 'http://vm/w' };
  const text = `
sentinel: {name: "\${DIGITS}", region: x}
http:
  listen: 127.0.0.1:\${PORT}
tasks:
  - id: \${DIGITS}
    plugin: ping
    interval: \${EVERY:-10s}
    enabled: \${ON:-true}
    labels:
      port: \${PORT}
    config:
      host: %{DIGITS}
      count: \${COUNT}
      timeout: \${NOTHING}
sender:
  batch_size: \${COUNT}
  direct:
    vm:
      url: \${VM}
      username: \${PORT}
      password: \${DIGITS}
`;
  const config = await load(text, { env: { ...env, ON: 'true' } });
  assert.equal(config.sentinel.name, '0123');
  assert.equal(config.http.listen, '127.0.0.1:9100');
  const [task] = config.tasks;
  assert.deepEqual([task?.id, task?.intervalMs, task?.labels], ['0123', 10_000, { port: '9100' }]);
  assert.deepEqual(task?.config, { host: '0123', count: 4 });
  assert.equal(config.destinations[0]?.batchSize, 4);
  assert.equal(config.destinations[0]?.http.basicAuth?.password?.reveal(), '0123');
  assert.equal((await load(text, { env })).tasks.length, 0);
  // quotes keep a text
  assert.deepEqual(await faults('sender: {batch_size: "${COUNT}"}', { env }), [
    '1:22: sender.batch_size: expected a whole number, got the value of COUNT',
  ]);
  // a default stands in the file, so it may be shown
  assert.deepEqual(await faults('sender: {timeout: "${NONE:-soon}"}', { env }), [
    '1:19: sender.timeout: expected a duration such as 30s or 1m30s, got "soon"',
  ]);
  // an empty variable is told of
  assert.deepEqual(await faults('sender: {timeout: "${NOTHING}"}', { env }), [
    '1:19: sender.timeout: expected a duration such as 30s or 1m30s, got the value of NOTHING, which is empty',
  ]);
});

test('external labels expand as Prometheus does it', async () => {
  const config = await load(
    'global: {external_labels: {a: $A, b: "${B}-x", c: $$, gone: $NONE, d: "${NONE:-d}"}}',
    {
      env: { A: '1', B: 'b' },
    },
  );
  assert.deepEqual(config.externalLabels, { a: '1', b: 'b-x', c: '$', d: 'd' });
  assert.match(config.warnings.join('\n'), /the environment variable NONE is empty/);
});

test('aliases and merge keys', async () => {
  const text = `
tasks:
  - &base {id: a, plugin: ping, interval: 60s, config: &options {host: x, count: 2}}
  - {<<: *base, id: b, config: *options}
  - {<<: [{interval: 20s, id: first}, *base], id: c, config: {<<: *options, count: 3}}
`;
  const { tasks } = await load(text);
  assert.deepEqual(
    tasks.map((task) => [task.id, task.intervalMs, task.config.count]),
    [
      ['a', 60_000, 2],
      ['b', 60_000, 2],
      ['c', 20_000, 3],
    ],
  );
});

test('the result is frozen, and the catalog comes with it', async () => {
  await inFolder(
    { 'c.yaml': 'tasks: [{id: a, plugin: ping, interval: 1m, config: {host: x}}]' },
    async (cwd) => {
      const loaded = await loadConfig('c.yaml', dependencies({ cwd }));
      assert.equal(loaded.catalog, catalog);
      assert.ok(Object.isFrozen(loaded.config) && Object.isFrozen(loaded.config.tasks[0]?.config));
      assert.ok(Object.isFrozen(loaded.config.buffer) && Object.isFrozen(loaded.config.warnings));
    },
  );
});

test('plugins that do not load: an error at their directory, a warning for a built-in one', async () => {
  const asked: string[] = [];
  const loadPlugins = async (directories: readonly string[]) => {
    asked.push(...directories);
    return {
      ...catalog,
      problems: [
        { path: join(directories[1]!, 'broken'), message: 'plugin "broken" lacks `version`' },
        { path: '/dist/plugins/snmp', message: 'cannot load plugin "snmp"' },
      ],
    };
  };
  const text = 'plugins: {directories: [/one, two]}\ntasks: [{id: a, plugin: snmp, interval: 1m}]';
  assert.deepEqual(await faults(text, { loadPlugins }), [
    '1:31: plugins.directories[1]: plugin "broken" lacks `version`',
    '2:25: tasks[0].plugin: the plugin "snmp" did not load: cannot load plugin "snmp"',
  ]);
  assert.equal(asked.length, 2);
  assert.equal(asked[0], '/one');
  assert.match(asked[1]!, /^\/.*\/two$/);
});

test('10,000 tasks', async () => {
  const task = (i: number) =>
    `  - {id: t${i}, plugin: ping, interval: 60s, config: {host: 10.0.0.1, count: 4}}\n`;
  const text = `tasks:\n${Array.from({ length: 10_000 }, (_, i) => task(i)).join('')}`;
  assert.equal((await load(text)).tasks.length, 10_000);
  const wrong = await faults(text.replaceAll('count: 4', 'count: x'));
  assert.equal(wrong.length, 10_000);
  assert.match(wrong[9999]!, /^10001:78: tasks\[9999\]\.config\.count: expected a whole number, got "x"$/);
});
