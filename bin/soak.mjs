// `npm run soak`: the agent at a fast pace for 30 minutes (or SOAK_SECONDS), watched for what grows.
import { spawnSync } from 'node:child_process';
import { bundle, compile } from './build.mjs';
import { install, root } from './install.mjs';

install();
compile();
await bundle();
const result = spawnSync(process.execPath, ['--enable-source-maps', '.build/test/soak/main.js'], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(result.status ?? 1);
