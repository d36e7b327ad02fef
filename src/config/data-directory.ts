import { resolve } from 'node:path';
import type { Environment } from './expand.js';
import { readText } from './source.js';
import { parseYaml } from './syntax.js';
import { ValueReader } from './value.js';

/**
 * `sentinel.data_dir` of a file, absolute; `undefined` where it does not say. Looks at nothing else, so that a running agent can be found also when
 * its file has become wrong meanwhile. Throws a ConfigError when the file cannot be read.
 */
export function readDataDirectory(
  file: string,
  { env, cwd }: { env: Environment; cwd: string },
): string | undefined {
  const written = new ValueReader(parseYaml(readText(resolve(cwd, file), file)), env, new Set()).read();
  const directory = keyOf(keyOf(written, 'sentinel'), 'data_dir');
  return typeof directory === 'string' && directory !== '' ? resolve(cwd, directory) : undefined;
}

function keyOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
