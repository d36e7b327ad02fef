import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Whether the test can go on with these programs of Debian's package systemd. Without them it is skipped, naming it; where `CI=true` it fails. */
export function needSystemd(t: TestContext, ...commands: string[]): boolean {
  const missing = commands.find((command) => spawnSync(command, ['--version']).error !== undefined);
  if (missing === undefined) return true;
  const line = `${missing} is not installed: apt-get install systemd`;
  if (process.env.CI === 'true') throw new Error(line);
  t.skip(line);
  return false;
}
