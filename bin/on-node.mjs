// Runs the tests on another Node: `npm run on-node -- 22`, or `npm run on-node -- 24.21.0 PART`. That Node comes from npm; it and a copy of the sources are kept below
// ~/.cache/sentinel/ (of root: /var/cache/sentinel/), so that this checkout keeps its own packages. Delete the folder to get the newest Node of that line.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fail, root, run, say } from './install.mjs';

const [version = '', ...args] = process.argv.slice(2);
if (!/^\d+(\.\d+){0,2}$/.test(version))
  fail([`on-node "${version}": expected a version of Node, as 22 or 24.21.0`]);
// Root's own folder would hide that Node from the units that the tests start.
const cache =
  process.geteuid?.() === 0 ? '/var/cache' : process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const home = join(cache, 'sentinel', `node-${version}`);
const copy = join(home, 'checkout');

/** The folder of that Node's program; fetches it the first time. */
function fetchNode() {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(home, 'node_modules', name, 'bin');
  if (existsSync(join(folder, 'node'))) return folder;
  mkdirSync(home, { recursive: true });
  const { status, stderr } = run('npm', [
    'install',
    '--prefix',
    home,
    '--no-save',
    '--no-audit',
    `${name}@${version}`,
  ]);
  if (status !== 0) fail([`cannot fetch ${name}@${version}; npm said:`, ...stderr.trim().split('\n')]);
  return folder;
}

/** Copies what git knows or would take, edited files too. The packages of the last time stay: they are looked at before the tests. */
function copySources() {
  const { status, stdout, stderr } = run('git', [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ]);
  if (status !== 0) fail(['cannot list the sources:', stderr.trim()]);
  mkdirSync(copy, { recursive: true });
  for (const name of readdirSync(copy))
    if (name !== 'node_modules') rmSync(join(copy, name), { recursive: true, force: true });
  for (const file of stdout.split('\0').filter((name) => name !== '' && existsSync(join(root, name))))
    cpSync(join(root, file), join(copy, file));
}

const folder = fetchNode();
copySources();
const node = join(folder, 'node');
say(`Node ${run(node, ['--version']).stdout.trim()}, in ${copy}`);
const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
const { status } = run(node, ['bin/test.mjs', ...args], { cwd: copy, env, stdio: 'inherit' });
process.exit(status ?? 1);
