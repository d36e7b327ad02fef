import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The programs of a bench, and a folder they run in, which is made when it is first asked for. */
export class Programs {
  #folder: string | undefined;
  readonly #running = new Set<ChildProcess>();

  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'sentinel-bench-'));
    return this.#folder;
  }

  /** Starts one; it may complain to stderr. One that ends before it is told to ends the bench. */
  start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    const child = spawn(command, args, { cwd: this.folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('exit', (code, signal) => {
      if (this.#running.has(child)) throw new Error(`${command} ended: ${code ?? signal}`);
    });
    return this.take(child);
  }

  /** Has one that was started otherwise ended with the others. */
  take(child: ChildProcess): ChildProcess {
    this.#running.add(child);
    return child;
  }

  /** Ends one, and waits until it has ended. */
  async end(child: ChildProcess): Promise<void> {
    const ended = new Promise((done) => child.once('exit', done));
    this.#running.delete(child);
    child.kill('SIGTERM');
    await ended;
  }

  /** Ends all, and deletes the folder. */
  close(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    this.#running.clear();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What the agent gets from its unit, beside what it inherits. */
export function unitEnvironment(): Record<string, string> {
  const unit = readFileSync('config/systemd/sentinel.service', 'utf8');
  return Object.fromEntries(
    [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
}
