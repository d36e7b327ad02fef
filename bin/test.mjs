// Runs the tests on the compiled tree: `npm test`, or `npm test -- PART` for the files whose path holds PART. Sets up what they need first.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, compile } from './build.mjs';
import { install, root } from './install.mjs';

install();
compile();
await bundle();
// Notes that it was built: tests start agents beside each other, and none of them may build.
spawnSync(join(root, 'bin/sentinel'), ['version'], { stdio: ['ignore', 'ignore', 'inherit'] });
const parts = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const flags = process.argv.slice(2).filter((arg) => arg.startsWith('-'));
const files = ['.build/test', '.build/plugins']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)))
  .filter(
    (file) => file.endsWith('.test.js') && (parts.length === 0 || parts.some((part) => file.includes(part))),
  )
  .sort();
if (files.length === 0) {
  process.stderr.write(`no test file matches ${parts.join(' ')}\n`);
  process.exit(1);
}
// What watches an agent or a host over real time has the machine to itself; of the others two files run at once.
const ALONE = /^(plugins|test\/(e2e|soak|probe|schedule))\//;
const isAlone = (file) => ALONE.test(file.slice('.build/'.length));
const beside = run(
  files.filter((file) => !isAlone(file)),
  2,
);
const alone = run(files.filter(isAlone), 1);
if (beside !== 0)
  process.stderr.write(
    'sentinel: tests failed among those that ran beside each other; see the first summary\n',
  );
process.exit(Math.max(beside, alone));

function run(group, concurrency) {
  if (group.length === 0) return 0;
  const args = [
    '--enable-source-maps',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    ...flags,
    ...group,
  ];
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
}
