import type { Writable } from 'node:stream';
import { encodeFrame, type ToAgent } from './frames.js';

/** What may wait goes with the next frame that may not, or after this time. */
const WAIT_MS = 20;
/** Bytes that wait at most. */
const MAX_WAITING_BYTES = 64 * 2 ** 10;

/** Writes frames to the agent, in their order. A write wakes the agent, which costs both processes more than a small frame does, so that frames of one moment go in one write. */
export class FrameWriter {
  readonly #stream: Writable;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** The messages are in the kernel's hands when this returns, with all that waited before them: the process may end or hang right after. */
  send(...messages: ToAgent[]): void {
    for (const message of messages) this.#add(encodeFrame(message));
    this.#flush();
  }

  /** The frame may wait a little for others. */
  sendSoon(frame: Buffer): void {
    this.#add(frame);
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), WAIT_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0 || this.#stream.writableEnded) return;
    if (this.#waitingBytes <= MAX_WAITING_BYTES)
      this.#stream.write(Buffer.concat(this.#waiting, this.#waitingBytes));
    else for (const frame of this.#waiting) this.#stream.write(frame);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #add(frame: Buffer): void {
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
  }
}
