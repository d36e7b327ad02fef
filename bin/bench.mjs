// Runs the benchmarks: `npm run bench`, or `npm run bench -- PART` for those whose path holds PART.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, compile } from './build.mjs';
import { install, root } from './install.mjs';

install();
compile();
await bundle();
const part = process.argv[2] ?? '';
const files = readdirSync(join(root, '.build/test/bench'), { recursive: true }).filter(
  (file) => file.endsWith('.bench.js') && file.includes(part),
);
for (const file of files.sort()) {
  process.stdout.write(`== ${file}\n`);
  spawnSync(process.execPath, ['--expose-gc', join('.build/test/bench', file)], {
    cwd: root,
    stdio: 'inherit',
  });
}
