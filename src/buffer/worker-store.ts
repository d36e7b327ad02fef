import { Worker } from 'node:worker_threads';
import { STORE_WORKER_PROGRAM } from '../lib/index.js';
import { errorOf } from './fault.js';
import type { OpenOptions, OpenStore, Store, StoredBlock, WriteLimits } from './store.js';
import type { Answer, Call } from './worker-call.js';

/** Opens the file in a thread of its own, which ends when the store is closed. Costs about 7 MB, and 50 ms at the start. */
export const openWorkerStore: OpenStore = (options) => openInWorker(STORE_WORKER_PROGRAM, options);

/** The same with another program in the worker. */
export async function openInWorker(program: string, options: OpenOptions): Promise<Store> {
  const store = new WorkerStore(program);
  try {
    await store.open(options);
    return store;
  } catch (error) {
    await store.end();
    throw error;
  }
}

interface Waiter {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

class WorkerStore implements Store {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  #lastId = 0;
  #ended: Error | undefined;

  constructor(program: string) {
    // What main.ts was started with (--test, --inspect) is not for it.
    this.#worker = new Worker(program, { execArgv: [], stdout: false, stderr: false });
    this.#worker.on('message', (answer: Answer) => this.#answered(answer));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', (code) =>
      this.#end(new Error(`the worker of the buffer's file ended (${code})`)),
    );
  }

  async open(options: OpenOptions): Promise<void> {
    await this.#call('open', [options]);
  }

  contents() {
    return this.#call('contents', []);
  }

  write(blocks: readonly StoredBlock[], limits: WriteLimits) {
    return this.#call('write', [blocks, limits]);
  }

  find(destination: string, end: 'oldest' | 'newest', except: ReadonlySet<number>) {
    return this.#call('find', [destination, end, except]);
  }

  remove(destination: string, id: number) {
    return this.#call('remove', [destination, id]);
  }

  dropOlder(limitMs: number, keep: ReadonlySet<number>) {
    return this.#call('dropOlder', [limitMs, keep]);
  }

  countAttempt(destination: string, id: number) {
    return this.#call('countAttempt', [destination, id]);
  }

  shift(boot: string, startMs: number) {
    return this.#call('shift', [boot, startMs]);
  }

  probe() {
    return this.#call('probe', []);
  }

  shrink() {
    return this.#call('shrink', []);
  }

  look(destinations: readonly string[]) {
    return this.#call('look', [destinations]);
  }

  async close(): Promise<number> {
    try {
      return await this.#call('close', []);
    } finally {
      await this.end();
    }
  }

  /** Ends the worker. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #call<Name extends keyof Store>(
    method: Name | 'open',
    args: Parameters<Store[Name]> | [OpenOptions],
  ): ReturnType<Store[Name]> {
    const result = new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const id = ++this.#lastId;
      this.#waiters.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, args } as Call);
    });
    // The worker answers with what the method of the same name gave.
    return result as ReturnType<Store[Name]>;
  }

  #answered(answer: Answer): void {
    const waiter = this.#waiters.get(answer.id);
    this.#waiters.delete(answer.id);
    if ('fault' in answer) waiter?.reject(errorOf(answer.fault));
    else waiter?.resolve(answer.result);
  }

  /** Without its worker, whatever was asked has failed as if the disk had. */
  #end(cause: Error): void {
    this.#ended ??= errorOf({ message: cause.message, code: 'SQLITE_IOERR', syscall: undefined });
    for (const { reject } of this.#waiters.values()) reject(this.#ended);
    this.#waiters.clear();
  }
}
