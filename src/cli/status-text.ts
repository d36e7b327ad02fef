import { roughDuration } from '../lib/index.js';
import { oneLine } from './terminal.js';

/** Characters of a reason or an error that are shown; `-o json` has all of it. */
const MAX_TEXT = 200;

/** How long ago a time of the API is. */
export function agoText(time: string | null, nowMs: number): string {
  return time === null ? 'never' : `${roughDuration(nowMs - Date.parse(time))} ago`;
}

/** The beginning of a text from outside, on one line. */
export function shown(text: string): string {
  const line = oneLine(text);
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}...` : line;
}
