import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { resultLines, testPlugin } from '../src/cli/conformance.js';
import { PROGRAM_DIRECTORY } from '../src/lib/index.js';
import { copyPluginFixtures } from './plugin-fixtures.js';

const foldersIn = (parent: string) =>
  existsSync(parent)
    ? readdirSync(parent, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [entry.name] : [],
      )
    : [];

const BUILT = join(PROGRAM_DIRECTORY, 'plugins');
const builtins = foldersIn(BUILT);

test('every plugin folder is built, and so is tested here', () => {
  assert.deepEqual(builtins.sort(), foldersIn('plugins').sort());
});

for (const name of builtins) {
  test(`plugins/${name} conforms`, async () => {
    const directory = join(BUILT, name);
    const results = await testPlugin(directory, true);
    assert.ok(results.length > 10);
    const failed = results.filter(({ outcome }) => outcome === 'failed');
    assert.equal(resultLines(directory, failed).join('\n'), '');
  });
}

const fixtures = copyPluginFixtures();
after(() => rmSync(fixtures, { recursive: true }));

/** The checks that fail, with their first line. */
async function failures(name: string): Promise<Record<string, readonly string[]>> {
  const results = await testPlugin(join(fixtures, name), false);
  return Object.fromEntries(
    results.flatMap(({ check, outcome, details }) => (outcome === 'failed' ? [[check, details]] : [])),
  );
}

test('a plugin that keeps the rules passes every check', async () => {
  const results = await testPlugin(join(fixtures, 'good'), false);
  assert.deepEqual(
    results.filter(({ outcome }) => outcome !== 'ok'),
    [],
  );
  assert.ok(results.length >= 13, `${results.length} checks`);
});

test('each broken rule is found by its check, and by no other', async () => {
  const f = async (name: string, want: Record<string, RegExp>) => {
    const found = await failures(name);
    assert.deepEqual(
      Object.keys(found).sort(),
      Object.keys(want).sort(),
      `${name}: ${JSON.stringify(found)}`,
    );
    for (const [check, text] of Object.entries(want))
      assert.match(found[check]!.join('\n'), text, `${name}: ${check}`);
  };
  // first: what another plugin of this process leaves behind and ends meanwhile could hide it
  await f('bad-leak', { close: /still open after close: 1 x Timeout/ });
  await f('bad-folder', { loads: /has the name "other", but its folder is "bad-folder"/ });
  await f('no-such-folder', { loads: /no such file/ });
  await f('bad-throws', {
    closed_target: /must give a result .*ECONNREFUSED/,
    unknown_name: /must give a result/,
    deadline: /must give a result/,
    independent_tasks: /must give a result/,
  });
  await f('bad-abort', { deadline: /did not settle within 1000ms/, abort: /did not settle within 1000ms/ });
  await f('bad-undeclared', {
    declared_samples: /has the label "not-a-name".*\n.*"surprise_total" is not declared/,
  });
  await f('bad-console', { no_output: /wrote to stderr: # a word on stderr \(use host\.log\)/ });
  await f('bad-shared', { independent_tasks: /the same object to two tasks/ });
  await f('bad-resolve', { unknown_name: /cannot be resolved .* the result is ok/ });
});

test('texts: what a definition and its sample say', async () => {
  const found = await failures('bad-texts');
  assert.deepEqual(Object.keys(found).sort(), ['metrics', 'options', 'sample']);
  const f = (check: string, want: readonly RegExp[]) => {
    assert.equal(found[check]?.length, want.length, found[check]?.join('\n'));
    for (const text of want) assert.match(found[check]!.join('\n'), text);
  };
  f('sample', [
    /does not show the option "hidden"/,
    /does not show the option "password"/,
    /unknown key "hiden"; did you mean "hidden"\?/,
    /says "# count: 5", but the default of count is 4/,
    /no_wait: expected true or false, got "maybe"/,
  ]);
  f('options', [
    /the flag "c" of count/,
    /the flag "x" stands for both hidden and no_wait/,
    /"no_wait" must be lower_case, and not begin with no_/,
    /"no_wait" has no description/,
    /"password" must not be settable/,
  ]);
  f('metrics', [
    /"bad_total" is a gauge/,
    /"bad_total" is declared twice/,
    /"bad_total" has no help text/,
    /"probe_success" is declared twice, or is one that every run has/,
    /"bad-name" is not valid/,
  ]);
});

test('an exception is declared with its reason', async () => {
  const results = await testPlugin(join(fixtures, 'excused'), false);
  assert.deepEqual(
    results.filter(({ outcome }) => outcome !== 'ok'),
    [{ check: 'unknown_name', outcome: 'excused', details: ['the target is a path, every text is one'] }],
  );
});
