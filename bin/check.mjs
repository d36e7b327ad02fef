// `npm run check`: format, lint, types, unused code, then all tests (the freshness of generated docs is one). `--static` leaves the tests out.
import { spawnSync } from 'node:child_process';
import { install, root } from './install.mjs';

install();
const bin = (name) => `${root}/node_modules/.bin/${name}`;
const steps = [
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['types', bin('tsc'), ['-p', '.', '--noEmit']],
  ['unused code', bin('knip'), []],
  ['tests', process.execPath, ['bin/test.mjs']],
];
if (process.argv.includes('--static')) steps.pop();
for (const [name, command, args] of steps) {
  process.stderr.write(`== ${name}\n`);
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) {
    process.stderr.write(`== ${name}: failed\n`);
    process.exit(1);
  }
}
