import { chmodSync, cpSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../test/fixtures', import.meta.url));

/** A copy of a folder of fixture plugins that only this user may write, whatever the checkout's modes are: the loader refuses others. Remove it after use. */
export function copyPluginFixtures(
  folder: 'plugins' | 'lanes' | 'ledger' | 'stop' | 'imports' = 'plugins',
): string {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-plugins-'));
  cpSync(join(SOURCE, folder), directory, { recursive: true });
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    chmodSync(join(directory, name), 0o700);
  return directory;
}
