import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { makeFolder } from '../../src/lib/index.js';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-folder-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a folder is made with its parents, all of one mode; what exists is left as it is', (t) => {
  const root = temporaryFolder(t);
  chmodSync(root, 0o750);
  makeFolder(join(root, 'a/b/c'), 0o700);
  for (const path of ['a', 'a/b', 'a/b/c'])
    assert.equal(statSync(join(root, path)).mode & 0o777, 0o700, path);
  writeFileSync(join(root, 'a/b/c/file'), 'kept');
  makeFolder(join(root, 'a/b/c'), 0o755);
  makeFolder(root, 0o700);
  assert.ok(existsSync(join(root, 'a/b/c/file')));
  assert.deepEqual(
    [root, join(root, 'a/b/c')].map((path) => statSync(path).mode & 0o777),
    [0o750, 0o700],
  );
  symlinkSync('a/b', join(root, 'link'));
  makeFolder(join(root, 'link/d'));
  assert.ok(existsSync(join(root, 'a/b/d')));
});

test('a place where none can be made is an error at once', (t) => {
  const root = temporaryFolder(t);
  writeFileSync(join(root, 'file'), '');
  symlinkSync('nowhere', join(root, 'dangling'));
  const f = (path: string, want: RegExp) => assert.throws(() => makeFolder(path), want);
  // Node 20's own recursive mkdir never returns from these two
  f('/proc/sentinel-x', /ENOENT: no such file or directory, mkdir '\/proc\/sentinel-x'/);
  f('/proc/sentinel-x/y/z', /ENOENT: no such file or directory, mkdir '\/proc\/sentinel-x'/);
  f(join(root, 'file'), /EEXIST: .*file'/);
  f(join(root, 'file/a/b'), /ENOTDIR: not a directory.*file\/a/);
  f(join(root, 'dangling'), /EEXIST: .*dangling'/);
  f(`${root}/${'x'.repeat(300)}/y`, /ENAMETOOLONG/);
  // sysfs takes no new folder from anybody
  f('/sys/sentinel-x/y', /(EPERM|EROFS|EACCES): .*mkdir '\/sys\/sentinel-x'/);
  assert.deepEqual(existsSync(join(root, 'file/a')), false);
});
