import { VERSION } from '../lib/index.js';
import { EXIT } from './exit.js';
import { print } from './terminal.js';

/** `sentinel version`: gives the exit code. */
export function version(): number {
  print(`sentinel ${VERSION} (node ${process.version}, ${process.platform}-${process.arch})`);
  return EXIT.ok;
}
