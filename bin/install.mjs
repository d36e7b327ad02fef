// Installs what npm has: the packages of the lock file, with native parts that fit the Node that runs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const say = (line) => process.stderr.write(`sentinel: ${line}\n`);

/** Prints what is wrong and ends the program. */
export function fail(lines) {
  for (const line of lines) say(line);
  process.exit(3);
}

/** Runs a command to its end; its output as text. */
export function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28, ...options });
}

/** Debian 12 has Node 18, for one; npm would only warn, and the build fail in words of its own. */
function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if ((major === 20 && minor >= 20) || (major === 22 && minor >= 15) || major > 22) return;
  fail([`Node ${process.versions.node} is too old; install Node 20.20 or newer (22, 24)`]);
}

const has = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

/** What of the tools that an install needs is not there. */
function missingTools() {
  const missing = [];
  if (!has('npm')) missing.push('npm');
  if (!has('make')) missing.push('make');
  if (!has('c++') && !has('g++') && !has('clang++')) missing.push('a C++ compiler (g++)');
  if (!has('python3')) missing.push('python3');
  return missing;
}

/** npm's own words. What the packages' scripts say of a network is another matter: without a ready binary they compile. */
const NO_NETWORK =
  /^npm (?:error|ERR!) code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|EHOSTUNREACH)/m;
const NO_HEADERS = /gyp http GET (\S+headers\S*)[\s\S]*gyp ERR! configure error/;

function explainInstall(output) {
  const fault = NO_NETWORK.exec(output);
  if (fault !== null) {
    return [
      `cannot reach the npm registry, which the packages of package.json come from (${fault[1]}).`,
      'Check the network and `npm config get registry` (behind a proxy: `npm config set https-proxy URL`), or copy a built dist/ from another host.',
    ];
  }
  const headers = NO_HEADERS.exec(output);
  if (headers !== null) {
    return [
      `cannot compile the native packages: the headers of Node ${process.version} are neither in ${resolve(dirname(process.execPath), '../include/node')} nor to be had from ${headers[1]}.`,
      'Install a Node that brings them, or let npm_config_nodedir name a folder that has them in include/node.',
    ];
  }
  const said = output
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('npm notice'));
  return ['cannot install the packages of package.json; npm said:', ...said.slice(-25)];
}

/** Whether node_modules holds every package of the lock file, in its version. */
function installed() {
  const packagesOf = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const present = packagesOf('node_modules/.package-lock.json');
  return Object.entries(packagesOf('package-lock.json')).every(
    ([path, wanted]) => path === '' || wanted.optional || present[path]?.version === wanted.version,
  );
}

const ADDONS = ['better-sqlite3/build/Release/better_sqlite3.node', 'raw-socket/build/Release/raw.node'].map(
  (path) => join(root, 'node_modules', path),
);

/** Keeps a fault of Node's headers out of what is compiled; it says which. Ready binaries may have it. */
const OBJECT_WRAP = join(root, 'bin/object-wrap.h');

/** What is wrong with the native packages of node_modules. They fit the ABI of one Node; they are loaded in a process of its own, where a misfit can do no harm. */
function addonFault() {
  const hooked = ADDONS.find(
    (file) => existsSync(file) && readFileSync(file).includes('RemoveEnvironmentCleanupHook'),
  );
  if (hooked !== undefined) return `${hooked} was built without ${OBJECT_WRAP}, and can end the process`;
  const load = 'for (const file of process.argv.slice(1)) process.dlopen({ exports: {} }, file)';
  const { status, stderr } = run(process.execPath, ['-e', load, ...ADDONS]);
  if (status === 0) return undefined;
  return /^Error: ([\s\S]*?)\n {4}at /m.exec(stderr)?.[1].replaceAll('\n', ' ') ?? stderr.trim();
}

/** The folder whose include/ holds the headers of this very Node: most ways of installing it put them beside it. node-gyp would fetch them, or take those of `nodedir` in an .npmrc. */
function headersFolder() {
  const folder = resolve(dirname(process.execPath), '..');
  const file = join(folder, 'include/node/node_version.h');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const part = (name) => new RegExp(`define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
  const version = [part('MAJOR'), part('MINOR'), part('PATCH')].join('.');
  return version === process.versions.node ? folder : undefined;
}

/** Runs npm, a second time where the network failed. Ends the program when that fails too. */
function runNpm(args, extra = {}) {
  const headers = headersFolder();
  const env = {
    ...process.env,
    // What failed is read from what it says.
    npm_config_loglevel: 'warn',
    CXXFLAGS: `-include ${OBJECT_WRAP} ${process.env.CXXFLAGS ?? ''}`,
    ...(headers && { npm_package_config_node_gyp_nodedir: headers }),
    ...extra,
  };
  let output = '';
  for (let attempt = 1; attempt <= 2; attempt++) {
    const result = run('npm', args, { env });
    if (result.status === 0) return;
    output = `${result.stdout}\n${result.stderr}`;
    if (!NO_NETWORK.test(output)) break;
  }
  fail(explainInstall(output));
}

/** Makes node_modules stand for the lock file, by `npm ci`, and its native packages fit the Node that runs, by `npm rebuild`. */
export function install() {
  refuseOldNode();
  const isComplete = installed();
  if (isComplete && addonFault() === undefined) return;
  const missing = missingTools();
  if (missing.length > 0) {
    fail([
      `cannot install: ${missing.join(', ')} missing, needed for two packages with native code (better-sqlite3, raw-socket).`,
      'On Debian: apt-get install npm make g++ python3. Or copy a built dist/ from another host of the same kind.',
    ]);
  }
  if (!isComplete) {
    say('installing packages (npm ci; compiles two native ones, about a minute) ...');
    runNpm(['ci', '--no-audit', '--no-fund']);
    if (addonFault() === undefined) return;
  }
  say(
    `two native packages do not fit Node ${process.version}; building them (npm rebuild, about a minute) ...`,
  );
  runNpm(['rebuild', 'better-sqlite3', 'raw-socket'], { npm_config_build_from_source: 'true' });
  const fault = addonFault();
  if (fault === undefined) return;
  fail([
    `npm built native packages that do not fit Node ${process.version}: ${fault}`,
    `npm must run on this Node (PATH=${dirname(process.execPath)}:$PATH), and \`nodedir\` of an .npmrc or npm_config_nodedir, where one is set, must hold its headers.`,
  ]);
}
