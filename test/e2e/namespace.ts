import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';

/** Runs a command of `ip`; throws with what it said. */
export function ip(...args: string[]): void {
  const result = spawnSync('ip', args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`ip ${args.join(' ')}: ${result.stderr}`);
}

/** A network namespace with nothing but its loopback, which goes with the test. `undefined` when it is not allowed here: then the test is marked as skipped (failed under CI=true). */
export async function isolatedNamespace(t: TestContext): Promise<string | undefined> {
  const name = `sentinel-${randomBytes(4).toString('hex')}`;
  try {
    ip('netns', 'add', name);
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    t.skip(`no network namespace: ${String(error)}`);
    return undefined;
  }
  t.after(() => ip('netns', 'del', name));
  ip('-n', name, 'link', 'set', 'lo', 'up');
  return name;
}
