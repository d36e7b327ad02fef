import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { type Config, ConfigError, loadConfig } from '../../src/config/index.js';
import { type Files, inFolder } from './fixture.js';
import { dependencies } from './plugins.js';

/** What these files give, the folders they stand in included; `c.yaml` is the main one. */
async function load<T>(files: Files, use: (config: Config, folder: string) => T): Promise<T> {
  return inFolder({}, async (cwd) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, name), text, { mode: 0o600 });
    }
    return use((await loadConfig('conf/c.yaml', dependencies({ cwd, env: { JOB: '7' } }))).config, cwd);
  });
}

async function faults(files: Files): Promise<readonly string[]> {
  const error = await load(files, () => assert.fail('it was accepted')).catch((reason: unknown) => reason);
  assert.ok(error instanceof ConfigError, String(error));
  return error.lines;
}

test('the jobs of other files come behind those of the main one, in the order of the patterns and then by name', async () => {
  await load(
    {
      'conf/c.yaml':
        'global: {scrape_interval: 7s}\nscrape_config_files: [d/x.yml, "d/*.yml", "d/b*a*.yaml"]\nscrape_configs: [{job_name: main}]',
      'conf/d/b.yml': 'scrape_configs: [{job_name: b, tls_config: {ca_file: ca.pem}}, {job_name: "${JOB}"}]',
      'conf/d/a.yml': '- {job_name: a, tls_config: {ca_file: ca.pem}, params: {x: [1]}}\n',
      'conf/d/empty.yml': '',
      'conf/d/bXaY.yaml': 'scrape_configs: [{job_name: star}]',
      'conf/d/ab.yaml': 'scrape_configs: [{job_name: not-asked-for}]',
      'conf/d/ca.pem': '',
      'conf/ca.pem': '',
    },
    (config, folder) => {
      assert.deepEqual(
        config.scrape.map((job) => [job.jobName, job.intervalMs]),
        ['main', 'a', 'b', '7', 'star'].map((name) => [name, 7000]),
      );
      // Prometheus's form: relative paths start at the file; vmagent's list: at the main file.
      assert.deepEqual(
        config.scrape.slice(1, 3).map((job) => job.http.tls?.caFile),
        [join(folder, 'conf/ca.pem'), join(folder, 'conf/d/ca.pem')],
      );
      assert.deepEqual(config.warnings, [
        'conf/c.yaml:2:23: scrape_config_files[0]: no file of this name is there',
      ]);
    },
  );
});

test('what is wrong in another file names that file, and all of it is told at once', async () => {
  const lines = await faults({
    'conf/c.yaml':
      'scrape_config_files: [d/*.yml, "*/e/f.yml"]\nscrape_configs: [{job_name: a, sample_limit: -1}]\n',
    'conf/d/1.yml': 'scrape_configs:\n  - job_name: a\n  - {job_name: b, scrape_timeout: 2m}\nscrape: []\n',
    'conf/d/2.yml':
      '- {job_name: b, foo: 1}\n- {job_name: c, basic_auth: {username: x, password_file: nope}}\n',
    'conf/d/3.yml': 'scrape_configs: [',
    'conf/d/4.yml': 'text',
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/; known: job_name.*/, '')),
    [
      'conf/c.yaml:1:32: scrape_config_files[1]: only the last part of the path may hold *',
      'conf/c.yaml:2:46: scrape_configs[0].sample_limit: must be at least 0',
      'conf/d/1.yml:2:15: scrape_configs[0].job_name: the name "a" is taken by the job in conf/c.yaml:2; give each job a name of its own',
      'conf/d/1.yml:3:35: scrape_configs[1].scrape_timeout: scrape_timeout (2m) is longer than scrape_interval (1m)',
      'conf/d/1.yml:4:1: scrape: unknown key "scrape"; known: scrape_configs',
      'conf/d/2.yml:1:14: [0].job_name: the name "b" is taken by the job in conf/d/1.yml:3; give each job a name of its own',
      'conf/d/2.yml:1:17: [0].foo: unknown key "foo"',
      'conf/d/2.yml:2:58: [1].basic_auth.password_file: cannot read "nope": ENOENT',
      'conf/d/4.yml:1:1: expected a map, got a text',
      'conf/d/3.yml:1:18: flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  );
});

test('a path that cannot be looked at is told of', async () => {
  const lines = await faults({ 'conf/c.yaml': 'scrape_config_files: ["a\\0b/x.yml"]' });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /cannot read the file: ERR_INVALID_ARG_VALUE$/);
});
