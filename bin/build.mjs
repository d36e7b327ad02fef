// Builds Sentinel from a checkout: installs what npm has, compiles, bundles into dist/. `bin/sentinel` calls it when something is missing or stale.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, install, root, run, say } from './install.mjs';

/** Compiles src, plugins and test to .build with full type checks. */
export function compile() {
  rmSync(join(root, '.build'), { recursive: true, force: true });
  const result = run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
  if (result.status !== 0)
    fail(['the sources do not compile:', ...`${result.stdout}${result.stderr}`.trim().split('\n')]);
  for (const name of pluginNames())
    copyTexts(join(root, 'plugins', name), join(root, '.build/plugins', name));
}

const pluginNames = () =>
  readdirSync(join(root, 'plugins'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);

function copyTexts(from, to) {
  for (const file of ['README.md', 'sample.yaml'])
    if (existsSync(join(from, file))) cpSync(join(from, file), join(to, file));
}

const nativeFolder = () => `${process.platform}-${process.arch}-abi${process.versions.modules}`;

/** Native addons are loaded from dist/native, by the ABI of the Node that runs. */
const nativeAddons = {
  name: 'native-addons',
  setup(build) {
    build.onResolve({ filter: /\.node$/ }, (args) => ({ path: basename(args.path), namespace: 'native' }));
    build.onResolve({ filter: /^bindings$/ }, () => ({ path: 'bindings', namespace: 'native' }));
    const load = `const { existsSync, readdirSync } = require('node:fs'); const { dirname, join } = require('node:path');
      const load = (name) => {
        let folder = __dirname;
        while (!existsSync(join(folder, 'native')) && dirname(folder) !== folder) folder = dirname(folder);
        const kind = process.platform + '-' + process.arch + '-abi' + process.versions.modules;
        const native = join(folder, 'native');
        const file = join(native, kind, name);
        if (existsSync(file)) return require(file);
        const built = existsSync(native) ? readdirSync(native).join(', ') : 'no Node';
        throw new Error('no ' + name + ' for Node ' + process.version + ' (' + kind + '): ' + native + ' was built for ' + built);
      };`;
    build.onLoad({ filter: /.*/, namespace: 'native' }, (args) => ({
      contents: `${load}\nmodule.exports = ${args.path === 'bindings' ? 'load' : `load(${JSON.stringify(args.path)})`};`,
      loader: 'js',
      resolveDir: root,
    }));
  },
};

const banner = `import { createRequire as __createRequire } from 'node:module'; import { fileURLToPath as __toPath } from 'node:url'; import { dirname as __dirnameOf } from 'node:path';
const require = __createRequire(import.meta.url); const __filename = __toPath(import.meta.url); const __dirname = __dirnameOf(__filename);`;

/** Bundles the compiled program into dist/: three programs with shared chunks, one file per plugin, and the native addons. */
export async function bundle() {
  const { build } = await import('esbuild');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const next = join(root, `.build/dist-${process.pid}`);
  const common = {
    bundle: true,
    minify: true,
    keepNames: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: banner },
    define: { SENTINEL_VERSION: JSON.stringify(version) },
    plugins: [nativeAddons],
    logLevel: 'error',
    absWorkingDir: root,
  };
  await build({
    ...common,
    entryPoints: {
      sentinel: '.build/src/cli/sentinel.js',
      'probe-host': '.build/src/probe/host-process.js',
      'store-worker': '.build/src/buffer/store-worker.js',
    },
    splitting: true,
    outdir: next,
  });
  for (const name of pluginNames()) {
    await build({
      ...common,
      entryPoints: [`.build/plugins/${name}/index.js`],
      outfile: join(next, 'plugins', name, 'index.js'),
    });
    copyTexts(join(root, 'plugins', name), join(next, 'plugins', name));
  }
  const native = join(next, 'native', nativeFolder());
  mkdirSync(native, { recursive: true });
  cpSync(
    join(root, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'),
    join(native, 'better_sqlite3.node'),
  );
  cpSync(join(root, 'node_modules/raw-socket/build/Release/raw.node'), join(native, 'raw.node'));
  writeFileSync(join(next, 'package.json'), '{ "type": "module" }\n');
  cpSync(join(root, 'LICENSE'), join(next, 'LICENSE'));
  cpSync(join(root, 'config/systemd'), join(next, 'systemd'), { recursive: true });
  const old = join(root, `.build/old-${process.pid}`);
  const dist = join(root, 'dist');
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(next, dist);
  rmSync(old, { recursive: true, force: true });
}

/** What a user who has built as root before, or in another's checkout, must be told. */
function explainDenied(error) {
  if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
  fail([
    `cannot build: may not write "${error.path}"; another user built here: chown -R ${root} to this user, or build as that one`,
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  install();
  say('building ...');
  try {
    compile();
    await bundle();
  } catch (error) {
    explainDenied(error);
  }
  say('built dist/');
}
