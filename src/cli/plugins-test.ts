import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readPlugins } from '../config/index.js';
import { type CheckResult, resultLines, testPlugin } from './conformance.js';
import { EXIT, usageError } from './exit.js';
import { colorsOf, print } from './terminal.js';
import { untilSignal } from './until-signal.js';

/** `sentinel plugins test DIR`: the conformance suite over a plugin folder, or over every folder in DIR. Gives 1 when a check failed. */
export async function pluginsTest(directory: string): Promise<number> {
  const { red, green } = colorsOf(process.stdout);
  let failed = 0;
  const folders = pluginFolders(resolve(directory));
  const { problems } = await untilSignal((signal) => readPlugins({ folders }, { signal }));
  for (const folder of folders) {
    const broken = problems.find(({ path }) => path === folder);
    const results = broken === undefined ? await testPlugin(folder, false) : unloadable(broken.message);
    failed += results.filter(({ outcome }) => outcome === 'failed').length;
    for (const line of resultLines(folder, results)) print(line.startsWith('failed') ? red(line) : line);
  }
  print(failed === 0 ? green('all checks passed') : red(`${failed} checks failed`));
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

/** Its code is not run here. */
function unloadable(message: string): CheckResult[] {
  return [{ check: 'loads', outcome: 'failed', details: [message] }];
}

/** The folder itself where it has an index; else every folder in it. Throws SEN_USAGE when there is none. */
function pluginFolders(directory: string): string[] {
  const isPlugin = (folder: string) =>
    ['index.js', 'index.mjs'].some((file) => existsSync(join(folder, file)));
  if (!existsSync(directory)) throw usageError(`there is no folder "${directory}"`);
  if (isPlugin(directory)) return [directory];
  const inside = readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((folder) => statSync(folder).isDirectory() && isPlugin(folder))
    .sort();
  if (inside.length === 0)
    throw usageError(`no index.js or index.mjs in "${directory}", nor in a folder of it`);
  return inside;
}
