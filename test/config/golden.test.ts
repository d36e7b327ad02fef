import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ConfigError, loadConfig } from '../../src/config/index.js';
import { ROOT } from './fixture.js';
import { dependencies } from './plugins.js';

// Each NAME.bad.yaml is refused with exactly the lines of NAME.bad.txt. UPDATE_GOLDEN=1 writes them anew: review the diff.
const FOLDER = join(ROOT, 'test/golden/config');
const cases = readdirSync(FOLDER).filter((name) => name.endsWith('.bad.yaml'));

test('there are bad configurations', () => assert.ok(cases.length > 10));

for (const name of cases) {
  test(`${name} is refused`, async () => {
    const want = join(FOLDER, name.replace(/yaml$/, 'txt'));
    const deps = dependencies({ cwd: FOLDER, env: { SET: 'a value' } });
    const got = await loadConfig(name, deps).then(
      () => assert.fail('it was accepted'),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.equal(error.code, 'SEN_CONFIG_INVALID');
        return `${error.message}\n`;
      },
    );
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(want, got);
    assert.equal(got, existsSync(want) ? readFileSync(want, 'utf8') : `there is no ${want}`);
  });
}
