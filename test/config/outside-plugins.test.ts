import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, describe } from 'node:test';
import { ConfigError, readConfig, readConfigApart, readPlugins } from '../../src/config/index.js';
import { SentinelError } from '../../src/lib/index.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { inFolder } from './fixture.js';

// If code of one of these ever ran here, this process would hang or end.
const bad = copyPluginFixtures('imports');
after(() => rmSync(bad, { recursive: true }));

/** A folder with these alone. */
function only(...names: string[]): string {
  const folder = copyPluginFixtures('imports');
  after(() => rmSync(folder, { recursive: true }));
  for (const name of readdirSync(folder))
    if (!names.includes(name)) rmSync(join(folder, name), { recursive: true });
  return folder;
}

const LIMITS = { importMs: 3000, importBytes: 64 * 2 ** 20, totalMs: 60_000 };
const held = (more: Partial<typeof LIMITS> = {}) => ({
  signal: new AbortController().signal,
  limits: { ...LIMITS, ...more },
});

const textOf = (plugins: string, ...tasks: string[]) =>
  [
    `plugins: {directories: [${plugins}]}`,
    'tasks:',
    ...tasks.map((name) => `  - {id: ${name}, plugin: ${name}, interval: 1s, config: {target: x}}`),
    '',
  ].join('\n');

/** What reading this file throws. */
async function faultOf(text: string, read = readConfigApart, more: Partial<typeof LIMITS> = {}) {
  return inFolder({ 'c.yaml': text }, async (folder) => {
    const file = join(folder, 'c.yaml');
    const error = await read({ file, isTty: false, ...held(more) }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof SentinelError, String(error));
    const lines = error instanceof ConfigError ? error.lines : [error.message];
    return { code: error.code, lines: lines.map((line) => line.replace(`${file}:`, '')) };
  });
}

// They mostly wait for processes, so beside each other.
describe('plugins from outside', { concurrency: 2 }, () => {
  test('whatever plugins do while they are loaded, all of it is told at once, each with its file, and good ones are none of it', async () => {
    const { code, lines } = await faultOf(`${textOf(bad, 'good', 'exits')}  - {id: x, bad: key}\n`);
    assert.equal(code, 'SEN_CONFIG_INVALID');
    const want: Record<string, RegExp> = {
      exits: /the process that loaded it ended with exit code 0; its code must only define the plugin/,
      grows: /the process that loaded it grew by more than 64 MiB while the code was loaded; /,
      spins: /the process that loaded it was not done within 3 s: the code spins or waits /,
      throws: /: no licence$/,
      waits: /the process that loaded it waited at the top level of a module for what nothing can bring/,
      'waits-on': /the process that loaded it was not done within 3 s: /,
    };
    const atPlugins = lines.filter((line) => line.startsWith('1:'));
    assert.equal(atPlugins.length, Object.keys(want).length, lines.join('\n'));
    for (const [name, text] of Object.entries(want)) {
      const entry = join(bad, name, 'index.mjs');
      const line = atPlugins.find((one) => one.includes(`"${entry}"`)) ?? assert.fail(name);
      assert.ok(line.startsWith(`1:25: plugins.directories[0]: cannot load plugin "${entry}": `), line);
      assert.match(line, text);
    }
    const others = lines.filter((line) => !line.startsWith('1:')).join('\n');
    assert.match(others, /^4:25: tasks\[1\]\.plugin: the plugin "exits" did not load: /m);
    assert.match(others, /^5:.*unknown key "bad"/m);
    assert.doesNotMatch(others, /tasks\[0\]/);
  });

  test('a configuration is read apart when it names plugins from outside, however it is written', async () => {
    const exits = only('exits');
    for (const key of ['directories', '"\\x64irectories"']) {
      const text = textOf(join(bad, 'nowhere')).replace('directories', key);
      const { lines } = await faultOf(text, readConfig);
      assert.match(lines.join('\n'), /^1:\d+: plugins\.directories\[0\]: cannot read the plugin directory/);
      const { lines: exited } = await faultOf(textOf(exits).replace('directories', key), readConfig);
      assert.match(exited.join('\n'), /exits.*ended with exit code 0/);
    }
    await inFolder(
      { 'c.yaml': 'tasks: [{id: a, plugin: ping, interval: 1s, config: {host: h}}]' },
      async (folder) => {
        const { config, catalog } = await readConfig({
          file: join(folder, 'c.yaml'),
          isTty: false,
          ...held(),
        });
        assert.equal(config.tasks.length, 1);
        assert.equal(catalog.plugins.get('ping')!.lane, 'ping');
      },
    );
  });

  test('a plugin that ends the process later is named among those whose code ran', async () => {
    const { code, lines } = await faultOf(textOf(only('fits', 'good'), 'fits'));
    assert.equal(code, 'SEN_CONFIG_INVALID');
    assert.match(
      lines.join('\n'),
      /reads the configuration ended with exit code 6, after it had run the code of ".*fits\/index\.mjs", ".*good/,
    );
  });

  test('all together has a deadline too, and says what was found until then', async () => {
    const { code, lines } = await faultOf(textOf(only('exits', 'spins')), readConfigApart, {
      importMs: 60_000,
      totalMs: 5000,
    });
    assert.equal(code, 'SEN_CONFIG_INVALID');
    assert.match(
      lines.join(),
      /was not done within 5 s; cannot load plugin ".*exits\/index\.mjs": .*exit code 0/,
    );
  });

  test('plugins alone: those that load, and why the others do not', async () => {
    const all = await readPlugins({ directories: [bad] }, held());
    assert.ok(['good', 'fits', 'ping'].every((name) => all.plugins.has(name)));
    assert.equal(all.plugins.get('good')!.definition.description, 'Is well behaved.');
    assert.deepEqual(
      all.problems.map(({ path }) => path),
      ['exits', 'grows', 'spins', 'throws', 'waits', 'waits-on'].map((name) => join(bad, name)),
    );
    const some = await readPlugins({ folders: [join(bad, 'exits'), join(bad, 'good')] }, held());
    assert.deepEqual([...some.plugins.keys()], ['good']);
    assert.match(some.problems[0]!.message, /ended with exit code 0/);
    const builtin = await readPlugins({}, held());
    assert.ok(builtin.plugins.get('ping')!.builtin && builtin.problems.length === 0);
  });
});
