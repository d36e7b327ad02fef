import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ConfigError, loadConfig } from '../../src/config/index.js';
import { needServer } from '../servers.js';
import { ROOT } from './fixture.js';
import { dependencies } from './plugins.js';

// NAME.bad.yaml is refused with exactly the lines of NAME.bad.txt; NAME.good.yaml gives what NAME.good.json shows of it. NAME.prometheus.good.yaml is
// also good to Prometheus. UPDATE_GOLDEN=1 writes .txt and .json anew: review the diff.
const FOLDER = join(ROOT, 'test/golden/config');
const bad = readdirSync(FOLDER).filter((name) => name.endsWith('.bad.yaml'));
const good = readdirSync(FOLDER).filter((name) => name.endsWith('.good.yaml'));
const deps = dependencies({ cwd: FOLDER, env: { SET: 'a value' } });

test('there are configurations', () => assert.ok(bad.length > 10 && good.length > 2));

function assertGolden(file: string, got: string): void {
  const want = join(FOLDER, file);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(want, got);
  assert.equal(got, existsSync(want) ? readFileSync(want, 'utf8') : `there is no ${want}`);
}

for (const name of bad) {
  test(`${name} is refused`, async () => {
    const got = await loadConfig(name, deps).then(
      () => assert.fail('it was accepted'),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.equal(error.code, 'SEN_CONFIG_INVALID');
        return `${error.message}\n`;
      },
    );
    assertGolden(name.replace(/yaml$/, 'txt'), got);
  });
}

for (const name of good) {
  test(`${name} gives what it says`, async () => {
    const { config } = await loadConfig(name, deps);
    const { externalLabels, scrape, cluster, writeRelabel, destinations, warnings } = config;
    // Whether others may read these files is up to how they were checked out.
    const told = warnings.filter((line) => !line.endsWith('chmod o-r on it'));
    const shown = { externalLabels, scrape, cluster, writeRelabel, destinations, warnings: told };
    const text = `${JSON.stringify(shown, undefined, 1)}\n`.replaceAll(`${FOLDER}/`, '/FOLDER/');
    assertGolden(name.replace(/yaml$/, 'json'), text);
  });
}

for (const name of good.filter((one) => one.includes('.prometheus.'))) {
  test(`${name} is good to Prometheus too`, (t) => {
    if (!needServer('prometheus', t)) return;
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', join(FOLDER, name)], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
  });
}
