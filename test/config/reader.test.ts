import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { inspect } from 'node:util';
import {
  ConfigError,
  loadConfig,
  messagesOf,
  type ReadConfig,
  readConfigApart,
  readConfigOf,
} from '../../src/config/index.js';
import { ConfigAssembler } from '../../src/config/transfer.js';
import { Secret, sameValue } from '../../src/lib/index.js';
import { loadPlugins } from '../../src/probe/index.js';
import { OwnTime } from '../own-time.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { inFolder } from './fixture.js';

const CONFIG = `
sentinel: {name: one, labels: {site: hq}}
http: {listen: "127.0.0.1:0", basic_auth: {username: me, password: hunter2}}
global: {external_labels: {fleet: x}}
sender:
  direct:
    vm: {url: "http://127.0.0.1:1/w", username: me, password: hunter2, headers: {X-Key: hunter2, "$secret": hunter2}}
    file: {url: "http://127.0.0.1:2/w", bearer_token_file: token}
tasks:
  - {id: a, plugin: ping, interval: 10s, labels: {a: b}, config: {host: 127.0.0.1, count: 2}}
  - {id: b, plugin: http, interval: 10s, config: {url: "http://127.0.0.1:3/", bearer_token: hunter2}}
`;

const readApart = (file: string) =>
  readConfigApart({ file, isTty: false, signal: new AbortController().signal });

function readHere(file: string): Promise<ReadConfig> {
  const dependencies = { env: process.env, cwd: process.cwd(), hostname: 'h', isTty: false, loadPlugins };
  return loadConfig(file, dependencies).then(readConfigOf);
}

test('a configuration that was read in another process is the same, secrets included, and shows none of them', async () => {
  await inFolder({ 'c.yaml': CONFIG, token: 'abc\n' }, async (folder) => {
    const file = join(folder, 'c.yaml');
    const [apart, here] = [await readApart(file), await readHere(file)];
    assert.ok(sameValue(apart, here), inspect([apart, here], { depth: 8 }));
    assert.ok(
      Object.isFrozen(apart.config.tasks[1]!.config) && Object.isFrozen(apart.config.destinations[0]),
    );
    const [vm, other] = apart.config.destinations;
    const texts = [vm!.http.basicAuth!.password, vm!.http.headers!['X-Key'], vm!.http.headers!.$secret];
    assert.deepEqual(
      texts.map((text) => text instanceof Secret && text.reveal()),
      ['hunter2', 'hunter2', 'hunter2'],
    );
    assert.equal(other!.http.authorization!.credentials.reveal(), 'abc');
    assert.doesNotMatch(
      inspect(apart.config.destinations, { depth: 9 }) + JSON.stringify(apart.config.http),
      /hunter2|abc/,
    );
  });
});

test('many jobs and many targets come in portions, and are the same', async () => {
  const targets = Array.from({ length: 1234 }, (_, i) => `"host-${i}:9100"`).join();
  const jobs = Array.from(
    { length: 300 },
    (_, i) => `  - {job_name: job-${i}, static_configs: [{targets: [h:${i}]}]}`,
  );
  const text = `
scrape_configs:
  - {job_name: few, basic_auth: {username: me, password: hunter2}, static_configs: [{targets: [a:1], labels: {x: "1"}}, {targets: [b:1]}]}
  - {job_name: many, static_configs: [{targets: []}, {targets: [${targets}], labels: {x: "1"}}, {targets: [${targets}], labels: {x: "2"}}]}
${jobs.join('\n')}
`;
  await inFolder({ 'c.yaml': text }, async (folder) => {
    const file = join(folder, 'c.yaml');
    const [apart, here] = [await readApart(file), await readHere(file)];
    assert.ok(sameValue(apart.config.scrape, here.config.scrape));
    const valuesOf = (value: unknown): number =>
      typeof value === 'object' && value !== null
        ? Object.values(value).reduce((sum: number, item) => sum + valuesOf(item), 1)
        : 1;
    const sizes = [...messagesOf(here)].map(valuesOf);
    assert.ok(sizes.length > 10 && Math.max(...sizes) < 3000, sizes.join());
    const [few, many] = apart.config.scrape;
    assert.equal(few!.http.basicAuth?.password?.reveal(), 'hunter2');
    const [discovery] = many!.discovery;
    assert.ok(discovery?.kind === 'static');
    assert.deepEqual(
      discovery.groups.map((group) => [group.targets.length, group.labels.x]),
      [
        [0, undefined],
        [1234, '1'],
        [1234, '2'],
      ],
    );
    for (const value of [apart.config.scrape, many, many!.discovery, discovery.groups[2]!.targets[1233]])
      assert.ok(Object.isFrozen(value));
  });
});

test('thousands of groups with a target each come in few messages', async () => {
  const groups = Array.from({ length: 3000 }, (_, i) => `{targets: ["host-${i}:9100"], labels: {n: "${i}"}}`);
  const text = `scrape_configs: [{job_name: many, static_configs: [${groups.join()}]}]\n`;
  await inFolder({ 'c.yaml': text }, async (folder) => {
    const here = await readHere(join(folder, 'c.yaml'));
    const messages = [...messagesOf(here)];
    const sizes = messages.map((message) => (message.kind === 'targets' ? message.groups.length : 0));
    assert.ok(messages.length < 30 && Math.max(...sizes) <= 500, sizes.join());
    const assembler = new ConfigAssembler();
    const [apart] = messages.map((message) => assembler.take(message)).filter((taken) => taken !== undefined);
    assert.ok(sameValue(apart!.config.scrape, here.config.scrape));
  });
});

test('what is wrong with a file is told as it is when the file is read here', async () => {
  const wrong = `${CONFIG}${Array.from({ length: 250 }, (_, i) => `  - {id: x${i}, plugin: ping, interval: soon, config: {host: h}}`).join('\n')}\n`;
  for (const text of [wrong, 'tasks: [', 'bufer: {}\n']) {
    await inFolder({ 'c.yaml': text, token: 'abc' }, async (folder) => {
      const file = join(folder, 'c.yaml');
      const lines = async (read: Promise<ReadConfig>) => {
        const error = await read.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        assert.ok(error instanceof ConfigError, inspect(error));
        return error.lines;
      };
      const apart = await lines(readApart(file));
      assert.deepEqual(apart, await lines(readHere(file)));
      assert.ok(apart[0]!.startsWith(`${file}:`), apart[0]);
    });
  }
  const missing = await readApart('/nowhere/c.yaml').catch((reason: ConfigError) => reason.lines);
  assert.deepEqual(missing, ['/nowhere/c.yaml:1:1: cannot read the file: ENOENT']);
});

test('code of a plugin is read anew, and what it does to its process is told', async () => {
  const plugins = copyPluginFixtures('ledger');
  const index = join(plugins, 'numbered/index.mjs');
  const good = readFileSync(index, 'utf8');
  const text = `plugins: {directories: [${plugins}]}\ntasks: [{id: a, plugin: numbered, interval: 1s, config: {ledger: /x}}]\n`;
  try {
    await inFolder({ 'c.yaml': text }, async (folder) => {
      const file = join(folder, 'c.yaml');
      const stampOf = async () => (await readApart(file)).catalog.plugins.get('numbered')!.stamp;
      const before = await stampOf();
      assert.equal(await stampOf(), before);
      writeFileSync(index, good.replaceAll('ledger', 'journal'));
      const fault = await readApart(file).catch((reason: ConfigError) => reason.lines.join());
      assert.match(String(fault), /config\.ledger: unknown key "ledger"; .*journal/);
      writeFileSync(index, `process.stderr.write('no more\\n'); process.exit(7);\n`);
      await assert.rejects(
        readApart(file),
        /plugins\.directories\[0\]: cannot load plugin ".*index\.mjs": the process that loaded it ended with exit code 7: no more; /,
      );
      writeFileSync(index, 'for (;;);\n');
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('enough')), 500);
      await assert.rejects(readConfigApart({ file, isTty: false, signal: controller.signal }), /enough/);
      writeFileSync(index, good);
      assert.notEqual(await stampOf(), before);
    });
  } finally {
    rmSync(plugins, { recursive: true });
  }
});

test('a folder that may not be read by the reader is an error like any other', async () => {
  await inFolder({ 'c.yaml': 'plugins: {directories: [more]}\n' }, async (folder) => {
    mkdirSync(join(folder, 'more/bad'), { recursive: true });
    chmodSync(join(folder, 'more'), 0o777);
    const lines = await readApart(join(folder, 'c.yaml')).catch((reason: ConfigError) => reason.lines.join());
    assert.match(String(lines), /plugins\.directories\[0\]: .*may be written by others/);
  });
});

test('reading 10,000 tasks does not hold the loop', async (t) => {
  const tasks = Array.from(
    { length: 10_000 },
    (_, i) =>
      `  - {id: t${i}, plugin: ping, interval: 1m, labels: {rack: r${i % 40}}, config: {host: 10.0.${i >> 8}.${i % 256}, count: 3}}`,
  );
  await inFolder(
    {
      'c.yaml': `tasks:\n${tasks.join('\n')}\n`,
      'bad.yaml': `tasks:\n${tasks.join('\n').replaceAll('1m', 'soon')}\n`,
    },
    async (folder) => {
      const time = new OwnTime();
      t.after(() => time.stop());
      const { config } = await readApart(join(folder, 'c.yaml'));
      const good = time.worstMs;
      assert.equal(config.tasks.length, 10_000);
      time.reset();
      const { lines } = (await readApart(join(folder, 'bad.yaml')).catch(
        (reason: ConfigError) => reason,
      )) as ConfigError;
      assert.equal(lines.length, 10_000);
      t.diagnostic(`good ${good.toFixed(1)} ms, bad ${time.worstMs.toFixed(1)} ms`);
      assert.ok(Math.max(good, time.worstMs) < 300, `${good} ms, ${time.worstMs} ms`);
    },
  );
});
