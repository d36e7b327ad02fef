import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

declare const SENTINEL_VERSION: string | undefined;

const bundled = typeof SENTINEL_VERSION === 'string';
const here = dirname(fileURLToPath(import.meta.url));

/** The version of package.json; `dev` where the code runs unbundled (tests). */
export const VERSION: string = bundled ? SENTINEL_VERSION : 'dev';

/** The folder of the built program: the bundles, `plugins/` and `native/` (`dist/`, or the compiler's output in tests). */
export const PROGRAM_DIRECTORY: string = bundled ? here : join(here, '../..');

/** The program of the command line. */
export const SENTINEL_PROGRAM: string = join(
  PROGRAM_DIRECTORY,
  bundled ? 'sentinel.js' : 'src/cli/sentinel.js',
);

/** The program that a probe host runs. */
export const PROBE_HOST_PROGRAM: string = join(
  PROGRAM_DIRECTORY,
  bundled ? 'probe-host.js' : 'src/probe/host-process.js',
);

/** The program of the thread that works on the buffer's file. */
export const STORE_WORKER_PROGRAM: string = join(
  PROGRAM_DIRECTORY,
  bundled ? 'store-worker.js' : 'src/buffer/store-worker.js',
);

/** V8's flag for the processes that this one starts: Node 24 would let young objects have 128 MiB, half of what a probe host may take, where 20 and 22 stop at 32. */
export const YOUNG_SPACE_FLAG = '--max-semi-space-size=16';
