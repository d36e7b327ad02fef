import { enclosed, type Pieces } from './pieces.js';

/** An answer, or the beginning of one. */
export interface Answer {
  status: number;
  type: string;
  body: string;
  /** What makes the rest of the body, while it is sent. */
  rest?: Iterator<string>;
  headers?: Readonly<Record<string, string>>;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** Plain text; a line end is added. */
export function text(status: number, body: string, headers?: Answer['headers']): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n`, ...(headers && { headers }) };
}

/** The envelope of Prometheus's API. */
export function json(data: unknown): Answer {
  const body = `${JSON.stringify({ status: 'success', data })}\n`;
  return { status: 200, type: JSON_TYPE, body };
}

/** The same around data that is long: its JSON comes in pieces. */
export function longJson(data: Pieces): Answer {
  const rest = enclosed('{"status":"success","data":', data, '}\n');
  return { status: 200, type: JSON_TYPE, body: '', rest };
}

/** The same for a question that cannot be answered as it was asked. */
export function badData(error: string): Answer {
  const body = `${JSON.stringify({ status: 'error', errorType: 'bad_data', error })}\n`;
  return { status: 400, type: JSON_TYPE, body };
}

/** A page, in pieces. */
export function longHtml(pieces: Pieces, headers: NonNullable<Answer['headers']>): Answer {
  const rest = pieces[Symbol.iterator]();
  return { status: 200, type: 'text/html; charset=utf-8', body: '', rest, headers };
}
