import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigError, loadRelabelRules } from '../../src/config/index.js';
import { inFolder } from './fixture.js';

const read = (text: string, env: Record<string, string> = {}) =>
  inFolder({ 'r.yaml': text }, async (cwd) => loadRelabelRules('r.yaml', { env, cwd }));

async function faults(text: string, env: Record<string, string> = {}): Promise<readonly string[]> {
  return await read(text, env).then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof ConfigError)) throw error;
      return error.lines;
    },
  );
}

test('texts of rules are texts, however YAML reads them', async () => {
  const f = async (key: string, want: string) => {
    const [rule] = await read(`- {action: keep, source_labels: [a], regex: ${key}}`);
    assert.equal(rule?.regex, want, key);
  };
  await f('true', 'true');
  await f('True', 'True');
  await f('9100', '9100');
  await f('0x1F', '0x1F');
  await f('1.50', '1.50');
  await f('1e3', '1e3');
  await f("'80'", '80');
  await f('[80, true]', '80|true');
  // an empty one is not the default
  await f('', '');
  await f('null', '');
  await f('~', '');
  await f("''", '');
  const [rule] = await read('- {target_label: a, replacement: 9115, separator: 1}');
  assert.deepEqual([rule?.replacement, rule?.separator, rule?.regex], ['9115', '1', '(.*)']);
  const [hashmod] = await read('- {action: hashmod, target_label: a, modulus: 8}');
  assert.equal(hashmod?.modulus, 8);
});

test('in a rule a dollar is no variable, and %{NAME} is one', async () => {
  const env = { SITE: 'fra1', PARTS: '8', '1': 'wrong', NAME: 'wrong' };
  const f = async (written: string, want: string) => {
    const [rule] = await read(`- {target_label: a, replacement: ${written}}`, env);
    assert.equal(rule?.replacement, want, written);
  };
  await f("'${1}'", '${1}');
  await f("'$1-${NAME}'", '$1-${NAME}');
  await f("'${NAME:-x}'", '${NAME:-x}');
  await f("'$${1}'", '$${1}');
  await f("'%{SITE}-$1'", 'fra1-$1');
  await f("'%{PARTS}'", '8');
  await f("'100%'", '100%');
  const [rule] = await read('- action: hashmod\n  target_label: a\n  modulus: %{PARTS}\n', env);
  assert.equal(rule?.modulus, 8);
  const [text] = await read('- target_label: a\n  replacement: %{PARTS}\n', env);
  assert.equal(text?.replacement, '8');
  assert.deepEqual(await faults("- {target_label: a, replacement: '%{NONE}'}"), [
    'r.yaml:1:34: [0].replacement: the environment variable NONE is not set, and it has no default',
  ]);
});

test('what is wrong is told with its place, all of it', async () => {
  assert.deepEqual(await faults("-\n- {action: keep, regex: '('}\n- {target_labels: a}\n"), [
    'r.yaml:1:2: [0]: empty or null relabeling rule',
    'r.yaml:2:25: [1].regex: error parsing regexp: missing closing ): `(`',
    "r.yaml:3:3: [2].target_label: relabel configuration for replace action requires 'target_label' value",
    'r.yaml:3:4: [2].target_labels: unknown key "target_labels"; did you mean "target_label"?',
  ]);
  assert.deepEqual(await faults('a: b'), ['r.yaml:1:1: expected a list, got a map']);
  assert.deepEqual(await faults('- [', {}), [
    'r.yaml:1:4: flow sequence in block collection must be sufficiently indented and end with a ]',
  ]);
  assert.deepEqual(await read(''), []);
});
