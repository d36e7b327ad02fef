import { chmodSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** The loader puts the machine's own directory of libraries in the place of $LIB. The `faketime` command does the same. */
const LIBRARY = '/usr/$LIB/faketime/libfaketimeMT.so.1';
const SHARED_MEMORY = '/dev/shm';

/** A wall clock that a test can set, for an agent and its hosts, by Debian's package `faketime`. The monotonic clock and the time of files stay true. */
export class SetClock {
  /** For the agent. */
  readonly env: NodeJS.ProcessEnv;
  readonly #file: string;

  /** Made in `folder`; `aheadMs`, whole seconds: how far it is ahead of the true time. */
  constructor(t: TestContext, folder: string, aheadMs: number) {
    this.#file = join(folder, 'faketime');
    this.set(aheadMs);
    const faked = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
    // A host gets a clean environment, so these come to it by the program that it is started with.
    const assignments = Object.entries(faked).map(([name, value]) => `${name}='${value}'`);
    const node = join(folder, 'node');
    writeFileSync(node, `#!/bin/sh\n${assignments.join(' ')} exec '${process.execPath}' "$@"\n`);
    chmodSync(node, 0o755);
    const preload = join(folder, 'preload.mjs');
    writeFileSync(preload, `process.execPath = ${JSON.stringify(node)};\n`);
    this.env = { ...faked, NODE_OPTIONS: `--import=${preload}` };
    t.after(removeLeftovers);
  }

  /** Steps it, at once for everyone. */
  set(aheadMs: number): void {
    const next = `${this.#file}.next`;
    const seconds = aheadMs / 1000;
    writeFileSync(next, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(next, this.#file);
  }
}

/** A process that is killed leaves what libfaketime shares with its children; the names end in its id. */
function removeLeftovers(): void {
  for (const name of readdirSync(SHARED_MEMORY)) {
    const pid = /faketime_(?:shm|sem)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(SHARED_MEMORY, name), { force: true });
  }
}
