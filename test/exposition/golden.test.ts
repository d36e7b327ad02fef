import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { render } from './render.js';

// One folder per page: page.txt or page.om, and expected.txt with every entry as a line. UPDATE_GOLDEN=1 writes expected.txt; review the difference.

/** The project's folder, from the sources as well as from the compiled tree. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const FOLDER = join(projectRoot(), 'test/golden/exposition');

test('golden pages', () => {
  const cases = readdirSync(FOLDER);
  assert.ok(cases.length >= 4);
  for (const name of cases) {
    const openmetrics = existsSync(join(FOLDER, name, 'page.om'));
    const page = readFileSync(join(FOLDER, name, openmetrics ? 'page.om' : 'page.txt'));
    const text = `${render(page, openmetrics ? 'openmetrics' : 'text').join('\n')}\n`;
    const file = join(FOLDER, name, 'expected.txt');
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text);
    assert.equal(text, readFileSync(file, 'utf8'), name);
  }
});
