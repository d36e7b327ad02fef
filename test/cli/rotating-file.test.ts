import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createAgentLog, LineWriter } from '../../src/cli/log.js';
import { RotatingFile } from '../../src/cli/rotating-file.js';
import { temporaryFolder } from '../e2e/sentinel.js';

interface Log {
  folder: string;
  path: string;
  faults: unknown[];
  write(...lines: string[]): void;
  /** `a.log: one two | a.log.1: three`. */
  text(): string;
}

function logIn(folder: string, maxSizeBytes: number, maxFiles: number): Log {
  const path = join(folder, 'a.log');
  const faults: unknown[] = [];
  const file = new RotatingFile(path, { maxSizeBytes, maxFiles, onFault: (error) => faults.push(error) });
  const writer = new LineWriter((length) => file.descriptorFor(length));
  return {
    folder,
    path,
    faults,
    write: (...lines) => {
      for (const line of lines) writer.write(`${line}\n`);
    },
    text: () =>
      readdirSync(folder)
        .sort()
        .filter((name) => statSync(join(folder, name)).isFile())
        .map((name) => `${name}: ${readFileSync(join(folder, name), 'utf8').trim().replaceAll('\n', ' ')}`)
        .join(' | '),
  };
}

const create = (t: TestContext, maxSizeBytes: number, maxFiles: number) =>
  logIn(temporaryFolder(t), maxSizeBytes, maxFiles);

test('a full file is moved aside, and the oldest goes', (t) => {
  const f = (maxSizeBytes: number, maxFiles: number, lines: string, want: string) => {
    const log = create(t, maxSizeBytes, maxFiles);
    log.write(...lines.split(' '));
    assert.equal(log.text(), want, `${maxSizeBytes} bytes, ${maxFiles} files`);
    assert.deepEqual(log.faults, []);
  };
  // two lines of four bytes fit
  f(8, 3, 'one two', 'a.log: one two');
  f(8, 3, 'one two 333', 'a.log: 333 | a.log.1: one two');
  f(8, 3, '111 222 333 444 555 666 777', 'a.log: 777 | a.log.1: 555 666 | a.log.2: 333 444');
  // one file: what was in it is gone
  f(8, 1, '111 222 333', 'a.log: 333');
  // a line that is longer than a file stands alone
  f(8, 3, '111 a-line-of-many-bytes 333', 'a.log: 333 | a.log.1: a-line-of-many-bytes | a.log.2: 111');
  // no limit
  f(0, 2, '111 222 333 444', 'a.log: 111 222 333 444');
});

test('what was there at the start is gone on with, and counts', (t) => {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries({ 'a.log': 'old\n', 'a.log.3': 'x\n', 'a.log.4': 'y\n' }))
    writeFileSync(join(folder, name), text);
  const log = logIn(folder, 8, 3);
  log.write('one');
  assert.equal(log.text(), 'a.log: old one | a.log.3: x | a.log.4: y');
  // max_files was larger once
  log.write('two');
  assert.equal(log.text(), 'a.log: two | a.log.1: old one');
});

test('renames, deletions and truncations from outside are followed at the next line', (t) => {
  const log = create(t, 20, 3);
  log.write('one');
  renameSync(log.path, `${log.path}-2026`);
  log.write('two');
  assert.equal(log.text(), 'a.log: two | a.log-2026: one');
  rmSync(log.path);
  log.write('three');
  assert.equal(log.text(), 'a.log: three | a.log-2026: one');
  // logrotate's `create`
  renameSync(log.path, `${log.path}-2027`);
  writeFileSync(log.path, '');
  log.write('four');
  // logrotate's `copytruncate`
  truncateSync(log.path, 0);
  log.write('five');
  assert.equal(log.text(), 'a.log: five | a.log-2026: one | a.log-2027: three');
  // another process moved it aside
  renameSync(log.path, `${log.path}.1`);
  appendFileSync(log.path, 'other\n');
  log.write('six');
  assert.equal(log.text(), 'a.log: other six | a.log-2026: one | a.log-2027: three | a.log.1: five');
  rmSync(log.folder, { recursive: true });
  log.write('seven');
  assert.equal(log.text(), 'a.log: seven');
});

test('a file that cannot be moved aside is written on, told once, and pushes no older one out', (t) => {
  const log = create(t, 8, 3);
  mkdirSync(join(log.folder, 'a.log.1/held'), { recursive: true });
  mkdirSync(join(log.folder, 'a.log.2/held'), { recursive: true });
  log.write('111', '222', '333', '444');
  assert.equal(log.text(), 'a.log: 111 222 333 444');
  assert.equal(log.faults.length, 1);
  rmSync(join(log.folder, 'a.log.1'), { recursive: true });
  rmSync(join(log.folder, 'a.log.2'), { recursive: true });
  log.write('555');
  assert.equal(log.text(), 'a.log: 555 | a.log.1: 111 222 333 444');
});

test('the log says that its file cannot be moved aside', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.log');
  mkdirSync(join(folder, 'a.log.1/held'), { recursive: true });
  const { logger: log } = await createAgentLog({
    level: 'info',
    format: 'json',
    stdout: false,
    file,
    maxSizeBytes: 150,
    maxFiles: 2,
  });
  for (const message of ['one', 'two', 'three', 'four']) log.info(message);
  const messages = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  assert.match(messages[2]!, /^cannot move the full log file aside: EISDIR/);
  assert.deepEqual(messages.toSpliced(2, 1), ['one', 'two', 'three', 'four']);
});

test('on a file system without room lines are lost and counted, and whole lines follow', (t) => {
  const folder = temporaryFolder(t);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folder], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) return t.skip(`mounting a tmpfs needs root: ${mounted.stderr}`);
  try {
    fillAndEmpty(logIn(folder, 0, 2));
  } finally {
    spawnSync('umount', ['-l', folder]);
  }
});

function fillAndEmpty(log: Log): void {
  const ballast = join(log.folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(4096));
  const line = (i: number) => `${String(i).padStart(4, '0')}${'.'.repeat(95)}`;
  for (let i = 0; i < 300; i++) log.write(line(i));
  rmSync(ballast);
  log.write('after');
  const lines = readFileSync(log.path, 'utf8').split('\n');
  const kept = lines.findIndex((text, i) => text !== line(i));
  assert.ok(kept > 50 && kept < 200, `${kept} kept`);
  // The line that the end of the room cut is ended by a newline.
  const rest = lines.slice(lines[kept]!.startsWith('{') ? kept : kept + 1);
  const { msg } = JSON.parse(rest[0]!) as { msg: string };
  assert.match(msg, new RegExp(`^${300 - kept} log lines were lost: ENOSPC`));
  assert.deepEqual(rest.slice(1), ['after', '']);
}

test('nothing is lost while two processes move the same file aside', (t) => {
  const folder = temporaryFolder(t);
  const [a, b] = [logIn(folder, 400, 100), logIn(folder, 400, 100)];
  for (let i = 0; i < 500; i++) (i % 3 === 0 ? a : b).write(`line-${i}`);
  const found = readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8').trim().split('\n'),
  );
  assert.equal(new Set(found).size, 500);
  assert.equal(found.length, 500);
  assert.ok(existsSync(join(folder, 'a.log.9')));
});
