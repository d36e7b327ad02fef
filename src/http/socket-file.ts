import { lstatSync, unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Clock } from '../lib/index.js';

/** The longest path that the kernel takes (`sun_path`, unix(7)); Node would cut a longer one off and listen elsewhere. */
const MAX_PATH_BYTES = 107;

/**
 * Makes room for a socket file: one that nobody listens on is left over from an agent that was killed, and goes. Throws EADDRINUSE when
 * somebody answers, or when the file is no socket, and ENAMETOOLONG.
 */
export async function makeRoomFor(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw withCode('ENAMETOOLONG', `a socket's path has at most ${MAX_PATH_BYTES} bytes`);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket() || (await isAnswered(path))) throw withCode('EADDRINUSE', `${path} is in use`);
  unlinkSync(path);
}

/** Removes a socket file in a thread of the pool; whether the disk has answered within `ms`. A file that is not there, or cannot be removed, is an answer. */
export function tryRemove(path: string, ms: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false));
    const answered = () => {
      timer.cancel();
      resolve(true);
    };
    unlink(path).then(answered, answered);
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
  });
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
