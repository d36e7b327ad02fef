import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Secret, sameValue } from '../../src/lib/index.js';
import { until } from '../until.js';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-secret-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a secret follows its file, and keeps the last good text while that is being replaced', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'token');
  writeFileSync(file, 'one\n');
  const secret = Secret.inFile('token');
  assert.equal(secret.read(folder), undefined);
  assert.equal(secret.reveal(), 'one');
  writeFileSync(`${file}.new`, 'two');
  renameSync(`${file}.new`, file);
  await until('the new text', () => secret.reveal() === 'two', 3000);
  writeFileSync(file, '');
  const looked = Date.now();
  await until('another look', () => Date.now() > looked + 1100 && secret.reveal() === 'two', 3000);
  rmSync(file);
  await until('another look', () => Date.now() > looked + 2200 && secret.reveal() === 'two', 3000);
  writeFileSync(file, 'three');
  await until('the third text', () => secret.reveal() === 'three', 3000);
});

test('secrets are equal by their file, else by their text; everything else by its value', () => {
  const f = (a: unknown, b: unknown, want: boolean) => assert.equal(sameValue(a, b) && sameValue(b, a), want);
  f(new Secret('a'), new Secret('a'), true);
  f(new Secret('a'), new Secret('b'), false);
  f(new Secret('a', '/f'), new Secret('b', '/f'), true);
  f(new Secret('a', '/f'), new Secret('a', '/g'), false);
  f(new Secret('a', '/f'), new Secret('a'), false);
  f({ p: new Secret('a') }, { p: new Secret('b') }, false);
  f(new Secret('a'), '<secret>', false);
  f(new Secret('a'), {}, false);
  f({ a: [1, { b: 'x' }] }, { a: [1, { b: 'x' }] }, true);
  f({ a: [1, { b: 'x' }] }, { a: [1, { b: 'y' }] }, false);
  f([1], [1, 2], false);
  f([], {}, false);
  f({ a: undefined }, {}, true);
  f({ a: undefined, b: 1 }, { b: 1, c: 2 }, false);
  f(null, {}, false);
  f(Number.NaN, Number.NaN, true);
});
