import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Clock, errorLine, type Logger, TimeSlice, Turns } from '../lib/index.js';
import type { Answer } from './answer.js';
import { pathOf } from './guards.js';
import { IDLE_MS } from './server.js';

/** Bytes of answers that wait for their readers, over all connections; beyond it new ones are put off. A reader that stalls is cut, but not at once. */
const MAX_UNREAD_BYTES = 16 * 2 ** 20;
/** What a long answer counts as at least: a portion of it, and the list of what it tells of. */
const MIN_LONG_BYTES = 2 ** 18;
/** Characters of a long answer that are made before a reader has taken those before. */
const PORTION_CHARS = 65_536;
/** How long a long answer may take: it keeps alive what it tells of. */
const MAX_SEND_MS = 300_000;

/** Hands out answers, and knows how much of them lies in memory because their readers are slow. */
export class Outlet {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** What each counts as at least, however much of it the system has taken. */
  readonly #open = new Map<ServerResponse, number>();
  readonly #turns = new Turns();
  /** Long answers whose first portion is being made. */
  #beginning = 0;

  constructor({ clock, log }: { clock: Clock; log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether there is room for another answer. */
  get hasRoom(): boolean {
    let unread = this.#beginning * MIN_LONG_BYTES;
    for (const [response, least] of this.#open) unread += Math.max(response.writableLength, least);
    return unread <= MAX_UNREAD_BYTES;
  }

  /** Makes the first portion of a long answer; one that ends there is a whole answer. Throws what its making throws. */
  async begin(request: IncomingMessage, answer: Answer): Promise<Answer> {
    const { rest } = answer;
    if (rest === undefined) return answer;
    this.#beginning++;
    try {
      return await this.#begun(request, answer, rest);
    } finally {
      this.#beginning--;
    }
  }

  async #begun(request: IncomingMessage, answer: Answer, rest: Iterator<string>): Promise<Answer> {
    const { rest: _, ...whole } = answer;
    while (!request.socket.destroyed) {
      const { text, isLast } = await this.#portion(rest);
      whole.body += text;
      if (isLast) return whole;
      if (whole.body.length >= PORTION_CHARS) break;
    }
    return { ...whole, rest };
  }

  /** Sends the answer; to HEAD without its body. A long one is made while it is read. */
  give(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const { socket } = request;
    const { status, type, rest, headers } = answer;
    if (socket.destroyed) return void rest?.return?.();
    const body = Buffer.from(answer.body, 'utf8');
    response.writeHead(status, {
      'Content-Type': type,
      ...(rest === undefined && { 'Content-Length': body.length }),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    });
    socket.setTimeout(IDLE_MS);
    if (request.method === 'HEAD') {
      rest?.return?.();
      return void response.end();
    }
    const late = rest && this.#clock.after(MAX_SEND_MS, () => cutOff(request));
    this.#open.set(response, rest === undefined ? 0 : MIN_LONG_BYTES);
    this.#onEnd(request, response, () => {
      this.#open.delete(response);
      late?.cancel();
    });
    if (rest === undefined) return void response.end(body);
    response.on('timeout', () => cutOff(request));
    response.write(body);
    void this.#send(rest, request, response);
  }

  /** Calls once, when the answer is read or its reader is gone. That of a request behind another one on its connection hears nothing of the end itself. */
  #onEnd({ socket }: IncomingMessage, response: ServerResponse, then: () => void): void {
    const end = () => {
      response.off('close', end);
      socket.off('close', end);
      then();
    };
    response.on('close', end);
    socket.on('close', end);
  }

  /** The rest of a long answer, as fast as it is read. Never rejects. */
  async #send(rest: Iterator<string>, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    try {
      while (this.#open.has(response)) {
        if (response.writableNeedDrain) {
          await taken(response, socket);
          continue;
        }
        socket.setTimeout(0); // Nothing may move while it is made, which has bounds of its own.
        const { text, isLast } = await this.#portion(rest);
        socket.setTimeout(IDLE_MS);
        if (!this.#open.has(response)) break;
        if (isLast) return void response.end(text);
        if (text !== '') response.write(text);
      }
      rest.return?.();
    } catch (error) {
      this.#log.error({ path: pathOf(request), err: errorLine(error) }, 'cannot answer a request to its end');
      cutOff(request);
    }
  }

  /** What can be made in a slice. One at a time over all answers, and everybody else has a turn before it. */
  #portion(pieces: Iterator<string>): Promise<Portion> {
    return this.#turns.take(async () => {
      const slice = new TimeSlice();
      await slice.next();
      return portionOf(pieces, slice);
    });
  }
}

/** A part of a long answer. */
interface Portion {
  text: string;
  isLast: boolean;
}

function portionOf(pieces: Iterator<string>, slice: TimeSlice): Portion {
  let text = '';
  do {
    const next = pieces.next();
    if (next.done === true) return { text, isLast: true };
    text += next.value;
  } while (text.length < PORTION_CHARS && !slice.isUp);
  return { text, isLast: false };
}

/** Ends an answer in its middle. With HTTP/1.0 the end of the connection is that of the answer: a reset says that it is not; TLS says so by itself, a Unix socket cannot. */
function cutOff({ httpVersion, socket }: IncomingMessage): void {
  const isTcp = !(socket instanceof TLSSocket) && socket.remoteAddress !== undefined;
  if (httpVersion === '1.0' && isTcp) socket.resetAndDestroy();
  else socket.destroy();
}

/** Settles when the reader has taken what there is, or is gone. */
function taken(response: ServerResponse, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle);
      socket.off('close', settle);
      resolve();
    };
    response.on('drain', settle);
    socket.on('close', settle);
  });
}
