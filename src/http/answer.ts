import type { IncomingMessage, ServerResponse } from 'node:http';

/** A whole answer. */
export interface Answer {
  status: number;
  type: string;
  body: string;
  headers?: Readonly<Record<string, string>>;
}

/** Plain text; a line end is added. */
export function text(status: number, body: string, headers?: Answer['headers']): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n`, ...(headers && { headers }) };
}

/** The envelope of Prometheus's API. */
export function json(data: unknown): Answer {
  const body = `${JSON.stringify({ status: 'success', data })}\n`;
  return { status: 200, type: 'application/json; charset=utf-8', body };
}

/** The same for a question that cannot be answered as it was asked. */
export function badData(error: string): Answer {
  const body = `${JSON.stringify({ status: 'error', errorType: 'bad_data', error })}\n`;
  return { status: 400, type: 'application/json; charset=utf-8', body };
}

/** Bytes of answers that wait for their readers, over all connections; beyond it new ones are put off. A reader that stalls is cut, but not at once. */
const MAX_UNREAD_BYTES = 16 * 2 ** 20;

/** Hands out answers, and knows how much of them lies in memory because their readers are slow. */
export class Outlet {
  #unreadBytes = 0;

  /** Whether there is room for another answer. */
  get hasRoom(): boolean {
    return this.#unreadBytes <= MAX_UNREAD_BYTES;
  }

  /** Sends the answer; to HEAD without its body. */
  give(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const body = Buffer.from(answer.body, 'utf8');
    response.writeHead(answer.status, {
      'Content-Type': answer.type,
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...answer.headers,
    });
    if (request.method === 'HEAD') return void response.end();
    this.#unreadBytes += body.length;
    response.once('close', () => {
      this.#unreadBytes -= body.length;
    });
    response.end(body);
  }
}
