import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Knows the process ids of all children: "$1", then each line that it reads. When its input ends, so has its parent, and it kills the last of them.
 * What signals the whole process group must not end it first.
 */
const SHELL =
  "trap '' HUP INT QUIT TERM; pids=$1; while read -r line; do pids=$line; done; kill -9 $pids 2>/dev/null";

/**
 * A shell beside this process that outlives it, and kills its children when it is gone: one that spins never sees its streams close. Neither
 * PR_SET_PDEATHSIG, which the kernel drops for a program with file capabilities (prctl(2); our users `setcap` Node for ping) and for which a busybox has
 * no command, nor a list on disk, which helps at the next start only. It is there while there are children.
 */
class OrphanGuard {
  readonly #pids = new Set<number>();
  #shell: ChildProcess | undefined;

  add(child: ChildProcess): void {
    const { pid } = child;
    if (pid === undefined) return;
    this.#pids.add(pid);
    this.#tell();
    child.once('exit', () => {
      this.#pids.delete(pid);
      this.#tell();
    });
  }

  #tell(): void {
    const pids = [...this.#pids].join(' ');
    if (this.#shell === undefined) {
      if (pids !== '') this.#shell = this.#start(pids);
      return;
    }
    this.#shell.stdin?.write(`${pids}\n`);
    if (pids !== '') return;
    // It kills nobody: the ids of those that have ended may be given to others.
    this.#shell.stdin?.end();
    this.#shell = undefined;
  }

  #start(pids: string): ChildProcess | undefined {
    try {
      return this.#spawn(pids);
    } catch {
      return undefined; // No memory for a process. The next child tries again; until then those that spin may outlive us.
    }
  }

  #spawn(pids: string): ChildProcess {
    const shell = spawn('/bin/sh', ['-c', SHELL, 'sh', pids], {
      env: {},
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const forget = () => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    shell.on('error', forget);
    shell.on('exit', (_code, signal) => {
      forget();
      // Somebody killed it: another one, unless it is no longer needed. Where none can run at all, there is no use in trying on.
      if (signal !== null) this.#tell();
    });
    shell.stdin?.on('error', forget);
    // It holds up no end of this process.
    shell.unref();
    (shell.stdin as Socket | undefined)?.unref();
    return shell;
  }
}

const guard = new OrphanGuard();

/** Sees to it that a child is killed when this process ends, however that ends (SIGKILL), also when the child spins. */
export function endWithUs(child: ChildProcess): void {
  guard.add(child);
}
