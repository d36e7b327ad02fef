import { parentPort } from 'node:worker_threads';
import { faultOf } from './fault.js';
import { openSqliteStore } from './open-store.js';
import type { Store } from './store.js';
import type { Answer, Call } from './worker-call.js';

// The thread that works on the buffer's file, so that a disk that stalls holds up nobody else.

let store: Store | undefined;
let lastTurn: Promise<unknown> = Promise.resolve();

parentPort!.on('message', (call: Call) => {
  lastTurn = lastTurn.then(() => answer(call));
});

async function answer(call: Call): Promise<void> {
  let reply: Answer;
  try {
    reply = { id: call.id, result: await work(call) };
  } catch (error) {
    reply = { id: call.id, fault: faultOf(error) };
  }
  parentPort!.postMessage(reply, transferable(reply));
}

async function work({ method, args }: Call): Promise<unknown> {
  if (method === 'open') {
    store = await openSqliteStore(args[0]);
    return undefined;
  }
  // The union of calls pairs each method with its own arguments, which the compiler does not follow.
  return (store![method] as (...args: unknown[]) => Promise<unknown>).apply(store, args);
}

/** The bytes of a block that is handed out cross without a copy. */
function transferable(reply: Answer): ArrayBuffer[] {
  if (!('result' in reply)) return [];
  const bytes = (reply.result as { found?: { block: { bytes: Uint8Array } } } | undefined)?.found?.block
    .bytes;
  // A small one may be a slice of a larger buffer, which others have slices of.
  return bytes instanceof Uint8Array && bytes.buffer.byteLength === bytes.byteLength
    ? [bytes.buffer as ArrayBuffer]
    : [];
}
