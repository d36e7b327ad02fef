import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { loadPlugin, loadPlugins } from '../../src/probe/index.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';

test('code that others may change is not run', async (t) => {
  const directory = copyPluginFixtures('ledger');
  t.after(() => rmSync(directory, { recursive: true }));
  const plugin = join(directory, 'numbered');
  const entry = join(plugin, 'index.mjs');
  assert.equal((await loadPlugin(plugin, false)).lane, 'numbered');
  for (const path of [directory, plugin, entry]) {
    const { mode } = statSync(path);
    chmodSync(path, mode | 0o002);
    await assert.rejects(
      loadPlugin(plugin, false),
      new RegExp(`"${path}" may be written by others; run chmod go-w`),
    );
    chmodSync(path, mode);
  }
  if (process.getuid?.() !== 0) return t.diagnostic('ownership is not tried: needs root');
  chownSync(entry, 65534, 65534);
  await assert.rejects(loadPlugin(plugin, false), /is owned by user 65534; chown it/);
  return undefined;
});

test('one bad plugin does not stop the rest', async (t) => {
  const directory = copyPluginFixtures('ledger');
  t.after(() => rmSync(directory, { recursive: true }));
  const { plugins, problems } = await loadPlugins([directory, join(directory, 'missing')]);
  assert.ok(plugins.has('numbered') && plugins.has('ping'));
  assert.equal(problems.length, 1);
  assert.match(problems[0]!.message, /cannot read the plugin directory ".*missing"/);
});

test('a slack that is no time is refused', async (t) => {
  const directory = copyPluginFixtures('ledger');
  t.after(() => rmSync(directory, { recursive: true }));
  const slacks = ['"20ms"', 'NaN', '-1', '5000'];
  for (const [i, slack] of slacks.entries()) {
    const folder = join(directory, `slack-${i}`);
    cpSync(join(directory, 'numbered'), folder, { recursive: true });
    const entry = join(folder, 'index.mjs');
    const code = readFileSync(entry, 'utf8').replace(
      /name: 'numbered',/,
      `name: 'slack-${i}', slackMs: ${slack},`,
    );
    writeFileSync(entry, code);
    await assert.rejects(
      loadPlugin(folder, false),
      /has a `slackMs` that is no number from 0 to 1000/,
      slack,
    );
  }
});
