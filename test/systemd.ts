import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Whether the test can go on with these programs of Debian's package systemd. Without them it is skipped, naming it; where `CI=true` it fails. */
export function needSystemd(t: TestContext, ...commands: string[]): boolean {
  const missing = commands.find((command) => spawnSync(command, ['--version']).error !== undefined);
  if (missing === undefined) return true;
  return refuse(t, `${missing} is not installed: apt-get install systemd`);
}

/** Whether the Node that runs may be a service's: in the folders of a user or of temporary files no unit sees it. Without that the test is skipped; where `CI=true` it fails. */
export function needPublicNode(t: TestContext): boolean {
  const hidden = /^\/(home|root|run\/user|tmp|var\/tmp)\//.exec(process.execPath)?.[0];
  return hidden === undefined || refuse(t, `Node is below ${hidden}, where a service cannot run it`);
}

function refuse(t: TestContext, why: string): false {
  if (process.env.CI === 'true') throw new Error(why);
  t.skip(why);
  return false;
}
