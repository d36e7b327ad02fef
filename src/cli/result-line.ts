import { redactUrl } from '../lib/index.js';
import type { LastResult, TaskStatus } from '../probe/index.js';
import { HOST_METRICS, readableValue } from './samples.js';
import { colorsOf } from './terminal.js';

const SHOWN_VALUES = 4;
const HOST_NAMES = new Set(HOST_METRICS.map(({ name }) => name));

/** A task's last result on one line: `12:00:01 ping-gateway 192.168.1.1 ok after 3001 ms: 4 of 4 packets answered`. */
export function resultLine({ task, last }: TaskStatus): string {
  const colors = colorsOf(process.stdout);
  const time = new Date(last?.startedMs ?? Date.now()).toTimeString().slice(0, 8);
  const head = `${colors.dim(time)} ${task.id} ${redactUrl(task.target)}`;
  if (last === undefined) return head;
  const verdict = last.ok ? colors.green('ok') : colors.red(`FAILED (${last.reason})`);
  return `${head} ${verdict} after ${readableValue('_ms', last.durationSeconds * 1000)}: ${last.evidence ?? valuesText(last)}`;
}

/** What to show of a plugin that says nothing for people. */
function valuesText({ values }: LastResult): string {
  return Object.entries(values)
    .filter(([name]) => !HOST_NAMES.has(name))
    .slice(0, SHOWN_VALUES)
    .map(([name, value]) => `${name} ${readableValue(name, value)}`)
    .join(', ');
}
