import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../e2e/sentinel.js';
import { freePort } from '../servers.js';
import { until } from '../until.js';

/** Debian's Prometheus in agent mode; gives its URL when it is ready. */
export async function startPrometheus(t: TestContext, config: string): Promise<string> {
  const folder = temporaryFolder(t);
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, config);
  const port = await freePort();
  const child: ChildProcess = spawn(
    'prometheus',
    [
      '--enable-feature=agent,exemplar-storage,native-histograms',
      `--config.file=${file}`,
      `--storage.agent.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stderr?.on('data', (text: Buffer) => {
    output = `${output}${text}`.slice(-4000);
  });
  await until(`Prometheus to be ready`, async () => {
    if (child.exitCode !== null) throw new Error(`prometheus ended: ${output}`);
    return fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return `http://127.0.0.1:${port}`;
}
