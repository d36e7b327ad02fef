import { SentinelError, type TimeSlice } from '../lib/index.js';

/** A longer list is parsed in portions. */
const PORTION_BYTES = 65_536;

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = Buffer.from('"\\,[]{}');
const SPACES: readonly number[] = [...Buffer.from(' \t\r\n')];

/** A JSON text as a value. A long list is parsed in portions of whole items, and others have their turn in between, by the slice. Throws SEN_DISCOVERY. */
export async function parseJson(body: Buffer, slice: TimeSlice): Promise<unknown> {
  const first = afterSpace(body, 0);
  if (body.length <= PORTION_BYTES || body[first] !== OPEN_LIST) return parsed(body.toString('utf8'), 0);
  const items: unknown[] = [];
  // In characters: that is how places are told.
  let place = first + 1;
  for (let at = first + 1; ; ) {
    const end = endOfPortion(body, at);
    const text = body.toString('utf8', at, end);
    const isLast = body[end] !== COMMA;
    if (isLast && body[end] !== CLOSE_LIST) throw broken(text, place);
    const portion = parsed(`[${text}]`, place - 1) as unknown[];
    if (portion.length === 0 && !(isLast && items.length === 0)) throw notJson(`position ${place}`);
    for (const item of portion) items.push(item);
    place += text.length + 1;
    at = end + 1;
    if (isLast && afterSpace(body, at) < body.length) throw notJson(`position ${place}`);
    if (isLast) return items;
    if (slice.isUp) await slice.next();
  }
}

/** The comma behind an item of the list that is far enough, or the bracket that ends the list, or the end of the body. `from` is where an item begins. */
function endOfPortion(body: Buffer, from: number): number {
  let depth = 1;
  for (let i = from; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) i = endOfString(body, i);
    else if (byte === OPEN_LIST || byte === OPEN_MAP) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_MAP) {
      depth--;
      if (depth === 0) return i;
    } else if (byte === COMMA && depth === 1 && i - from >= PORTION_BYTES) return i;
  }
  return body.length;
}

/** The quote that ends the string that begins at `from`. */
function endOfString(body: Buffer, from: number): number {
  for (let i = from + 1; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH) i++;
  }
  return body.length;
}

function afterSpace(body: Buffer, from: number): number {
  let i = from;
  while (i < body.length && SPACES.includes(body[i]!)) i++;
  return i;
}

/** Why a list that no bracket ends, or a wrong one, is no JSON; `place` is where this last part of it begins. */
function broken(text: string, place: number): SentinelError {
  try {
    parsed(`[${text}`, place - 1);
  } catch (error) {
    return error as SentinelError;
  }
  return notJson(`position ${place + text.length}`);
}

/** `before`: characters of the body before the text. */
function parsed(text: string, before: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8's message shows a part of the text, which may hold a secret.
    const { message } = error as Error;
    const at = /position (\d+)/.exec(message)?.[1];
    if (/end of JSON input/.test(message)) throw notJson('it ends too early');
    throw notJson(at && `position ${before + Number(at)}`);
  }
}

function notJson(where: string | undefined): SentinelError {
  return new SentinelError('SEN_DISCOVERY', `this is not JSON${where === undefined ? '' : ` (${where})`}`);
}
