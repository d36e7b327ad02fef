import type { IncomingMessage } from 'node:http';

/** Bytes of large bodies that are taken in one turn of the loop, all of them together: a few ms of work. */
const TURN_BYTES = 2 ** 20;

/** A body is not held back below this: nearly all are, and others wait for them. */
const SMALL_BYTES = 2 ** 18;

let leftBytes = TURN_BYTES;
/** Bodies that go on in the next turn. */
let waiting: IncomingMessage[] = [];
let isTurning = false;

/**
 * A piece of a body was taken, which has so many bytes by now. Once large bodies have taken their part of this turn of the loop, they wait for the next one:
 * libuv reads up to 2 MiB of each connection at a time, so that forty targets that send as fast as they can would hold up everybody else for 100 ms and more.
 */
export function shareTurn(response: IncomingMessage, pieceBytes: number, bodyBytes: number): void {
  if (bodyBytes <= SMALL_BYTES) return;
  if (!isTurning) setImmediate(turn);
  isTurning = true;
  leftBytes -= pieceBytes;
  if (leftBytes > 0) return;
  response.pause();
  waiting.push(response);
}

function turn(): void {
  const bodies = waiting;
  isTurning = false;
  leftBytes = TURN_BYTES;
  waiting = [];
  for (const body of bodies) body.resume();
}
