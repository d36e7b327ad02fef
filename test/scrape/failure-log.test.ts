import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { exposing } from './exporter.js';
import { interval, job } from './job.js';
import { Scraping } from './scraping.js';

/** A target that answers with status 500, the stage that scrapes it, and a file for its failures. */
async function failing(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const source = await exposing(t);
  source.status = 500;
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // Not there yet.
    }
  };
  return { file: join(directory, 'failed.log'), read, address: source.address, scraping, clock };
}

test('scrape_failure_log_file: a line of JSON per failed scrape, and a new file after a reload', async (t) => {
  const { file, read, address, scraping, clock } = await failing(t);
  const config = job([address], { failureLogFile: file });
  await scraping.apply([config]);
  await interval(scraping, clock, 1);
  await until('the line', () => read(file).endsWith('\n'));
  const { time, ...fields } = JSON.parse(read(file));
  assert.match(time, /^2026-01-01T/);
  assert.deepEqual(fields, {
    level: 'ERROR',
    msg: 'server returned HTTP status 500 Internal Server Error',
    job_name: 'job',
    target: `http://${address}/metrics`,
  });
  renameSync(file, `${file}.1`);
  await scraping.apply([config]);
  await interval(scraping, clock, 1);
  await until('the new file', () => read(file).endsWith('\n'));
  assert.equal(read(`${file}.1`).split('\n').length, 2);
});

test('scrape_failure_log_file: parameters that are called like secrets are masked', async (t) => {
  const { file, read, address, scraping, clock } = await failing(t);
  const params = { 'api-key': ['hidden'], module: ['http_2xx'], token: ['hidden'] };
  await scraping.apply([job([address], { failureLogFile: file, params })]);
  await interval(scraping, clock, 1);
  await until('the line', () => read(file).endsWith('\n'));
  const { target } = JSON.parse(read(file));
  assert.equal(target, `http://${address}/metrics?api-key=<secret>&module=http_2xx&token=<secret>`);
});

test('a failure log that cannot be written is said once, and counted', async (t) => {
  const { address, scraping, clock } = await failing(t);
  await scraping.apply([job([address], { failureLogFile: '/proc/none/failed.log' })]);
  for (let i = 0; i < 3; i++) await interval(scraping, clock, 1);
  await until('the counts', () => scraping.count('failure_log_lines_dropped_total') === 3);
  const warnings = scraping.logged.filter((line) => line.startsWith('warn'));
  assert.equal(warnings.length, 1, warnings.join('\n'));
});
