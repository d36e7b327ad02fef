import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { inspect } from 'node:util';
import { loadConfig } from '../../src/config/index.js';
import { errorLine } from '../../src/lib/index.js';
import { faults, inFolder, load } from './fixture.js';
import { dependencies } from './plugins.js';

const direct = (keys: string) => `sender: {direct: {vm: {url: "http://x/w", ${keys}}}}`;

test('no error shows a secret, wherever it stands', async () => {
  const f = async (text: string, ...want: RegExp[]) => {
    const env = { SECRET: 'hunter2', NUMBER: '4711' };
    const lines = await faults(text, { env });
    assert.ok(lines.length > 0, `accepted: ${text}`);
    assert.doesNotMatch(lines.join('\n'), /hunter2|4711/, text);
    for (const pattern of want) assert.match(lines.join('\n'), pattern, text);
  };
  // in a URL that is wrong
  await f('sender: {direct: {vm: {url: "http://me:hunter2@host:99999/w"}}}', /vm\.url: expected a URL/);
  await f('sender: {direct: {vm: {url: "me:hunter2@host/w"}}}');
  await f('sender: {direct: {vm: {url: "htp://host/w?token=hunter2"}}}');
  await f(
    'remote_write: [{url: "http://me:hunter2@h/w"}, {url: "http://you:hunter2@h/w?x=hunter2"}]',
    /its name is also that of remote_write\[1\]/,
  );
  await f(direct('proxy_url: "socks5://me:hunter2@p"'));
  // of the wrong type, or in the wrong place
  await f(direct('username: me, password: [hunter2]'), /password: expected a text, got a list/);
  await f(direct('username: me, password: {hunter2: x}'), /got a map/);
  await f(direct('username: me, password: 4711'), /got a number; put it in quotes/);
  await f(direct('basic_auth: "me:hunter2"'), /basic_auth: expected a map, got a text/);
  await f(direct('authorization: Bearer hunter2'), /authorization: expected a map/);
  await f(direct('tls_config: hunter2'));
  await f(direct('headers: ["X-Key: hunter2"]'));
  await f(direct('headers: {X-Key: 4711}'));
  await f(direct('headers: {Authorization: hunter2}'));
  // beside another fault
  await f(direct('username: me, pasword: hunter2'), /did you mean "password"/);
  await f(direct('password: hunter2'), /password needs username/);
  await f(direct('username: hunter2, bearer_token: hunter2, authorization: {credentials: hunter2}'));
  // in the environment
  await f('sender: {batch_size: "${SECRET}"}', /got the value of SECRET/);
  await f('sender:\n  batch_size: x${NUMBER}', /got the value of NUMBER/);
  await f('sender:\n  flush_interval: ${NUMBER}', /got the value of NUMBER/);
  await f('http: {listen: "${SECRET}"}');
  await f('logging: {level: "${SECRET}"}');
  await f('tasks: [{id: a, plugin: "${SECRET}x", interval: 1s}]', /plugin/);
  await f(
    'tasks: [{id: "${SECRET}", plugin: ping, interval: 1s, config: {host: x, count: "${SECRET}"}}]',
    /count/,
  );
  await f(
    'tasks: [{id: "${SECRET}", plugin: x, interval: 1s}, {id: "${SECRET}", plugin: x, interval: 1s}]',
    /taken/,
  );
  await f(direct('username: me, password_file: "/nowhere/${SECRET}"'), /cannot read/);
  // where YAML itself gives up
  await f(`sender: {password: "x" hunter2}`);
  await f('a: "hunter2\\q"\nb: !hunter2 x\nc: *hunter2\n');
  await f('a: |hunter2\n  x');
  await f('a: b: hunter2: c');
  await f('a: @hunter2');
  await f('a: "hunter2');
});

test('nothing that is printed shows a secret', async () => {
  const config = await load(
    `
sender:
  direct:
    a: {url: "http://x/w", username: me, password: hunter2, headers: {X-Key: hunter2}}
    b: {url: "http://x/w", bearer_token_file: token}
remote_write: [{url: "http://y/w", authorization: {credentials: hunter2}}]
`,
    {},
    { token: 'hunter2' },
  );
  assert.equal(config.destinations[1]?.http.authorization?.credentials.reveal(), 'hunter2');
  for (const printed of [JSON.stringify(config), inspect(config, { depth: 20 }), config.warnings.join()])
    assert.doesNotMatch(printed, /hunter2/);
});

test('a target loses its user and password, however it is spelled: it is a label', async () => {
  const f = async (host: string, want: string) => {
    const task = `{id: a, plugin: ping, interval: 1s, config: {host: "${host}"}}`;
    const [read] = (await load(`tasks: [${task}]`)).tasks;
    assert.deepEqual([read?.target, read?.deviceId], [want, want]);
  };
  await f('http://me:hunter2@h:8080/x', 'http://h:8080/x');
  await f('me:hunter2@h:8080/x', 'h:8080/x');
  await f('http:me:hunter2@h/x', 'http:h/x');
  await f('h:8080/@x', 'h:8080/@x');
  await f('fe80::1%eth0', 'fe80::1%eth0');
  await f('http:///me:hunter2@h/x', 'http:///h/x');
  await f('http://h/@x?y=a@b', 'http://h/@x?y=a@b');
});

test('secret files: unreadable, empty and a folder are refused, at the key', async () => {
  const f = async (file: string, want: RegExp, env: Record<string, string> = {}) => {
    const [line, ...more] = await faults(
      direct(`username: me, password_file: ${file}`),
      { env },
      { empty: ' \n' },
    );
    assert.deepEqual(more, []);
    assert.match(line!, want);
  };
  await f('missing', /^1:72: sender\.direct\.vm\.password_file: cannot read "missing": ENOENT$/);
  await f('empty', /"empty" is empty$/);
  await f('/', /cannot read "\/": EISDIR$/);
  // the path is hidden when it came from a variable, the reason and a default are not
  await f('"${DIR}/x"', /cannot read the file: ENOENT, got the value of DIR$/, { DIR: '/hunter2' });
  await f('"${DIR:-/none}/x"', /cannot read "\/none\/x": ENOENT$/);
  await f('"${DIR}"', /the file is empty, got the value of DIR$/, { DIR: 'empty' });
  // of a task's plugin too, and in one go with what else is wrong with it
  const task = 'tasks: [{id: a, plugin: http, interval: 1s, config: {url: x, bearer_token_file: missing}}]';
  assert.match(
    (await faults(task)).join('\n'),
    /url: expected.*\n.*bearer_token_file: cannot read "missing"/s,
  );
});

test('files that others may read deserve a warning', async () => {
  const text = direct('username: me, password: x, headers: {A: b}, tls_config: {ca_file: open}');
  const other = 'remote_write: [{url: "http://y/w", bearer_token_file: open}]';
  await inFolder({ 'c.yaml': `${text}\n${other}\n`, open: 'x' }, async (cwd) => {
    const warnings = async () => (await loadConfig('c.yaml', dependencies({ cwd }))).config.warnings;
    assert.deepEqual(await warnings(), []);
    chmodSync(join(cwd, 'c.yaml'), 0o644);
    chmodSync(join(cwd, 'open'), 0o644);
    assert.deepEqual(await warnings(), [
      'c.yaml:1:67: sender.direct.vm.password: this file holds a secret, and others may read it; run chmod o-r on it',
      'c.yaml:2:55: remote_write[0].bearer_token_file: others may read this file; run chmod o-r on it',
    ]);
  });
});

test('a file that cannot be read, or is no text', async () => {
  const f = async (name: string, want: RegExp) =>
    await inFolder({}, async (cwd) => {
      const error: unknown = await loadConfig(name, dependencies({ cwd })).catch((e: unknown) => e);
      assert.match(errorLine(error), want);
    });
  await f('none.yaml', /^none\.yaml:1:1: cannot read the file: ENOENT$/);
  await f('/', /^\/:1:1: cannot read the file: EISDIR$/);
  await f(process.execPath, /:1:1: cannot read the file: it is not UTF-8$/);
});
