import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, ConfigError, type LoadDependencies, loadConfig } from '../../src/config/index.js';
import { dependencies } from './plugins.js';

/** The project's root, seen from the compiled test. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Files beside the configuration, by name. */
export type Files = Readonly<Record<string, string>>;

/** Runs `use` in a new folder with these files, which goes afterwards. */
export async function inFolder<T>(files: Files, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-config-'));
  try {
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a text gives. */
export async function load(
  text: string,
  more: Partial<LoadDependencies> = {},
  files: Files = {},
): Promise<Config> {
  return await inFolder({ ...files, 'c.yaml': text }, async (cwd) => {
    const { config } = await loadConfig('c.yaml', dependencies({ cwd, ...more }));
    return config;
  });
}

/** The lines of what is wrong with a text, without the file's name; empty when nothing is. */
export async function faults(
  text: string,
  more: Partial<LoadDependencies> = {},
  files: Files = {},
): Promise<string[]> {
  try {
    await load(text, more, files);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.lines.map((line) => line.replace(/^c\.yaml:/, ''));
  }
}
