import { redactUrl } from '../lib/index.js';
import type { TaskStatus } from '../probe/index.js';
import { HOST_METRICS, readableValue } from './samples.js';
import { colorsOf } from './terminal.js';

const SHOWN_VALUES = 4;
const HOST_NAMES = new Set(HOST_METRICS.map(({ name }) => name));

/** A task's last result on one line: `12:00:01 ping-gateway 192.168.1.1 ok ping_rtt_ms=0.05 ms`. */
export function resultLine({ task, last }: TaskStatus): string {
  const colors = colorsOf(process.stdout);
  const time = new Date(last?.startedMs ?? Date.now()).toTimeString().slice(0, 8);
  const head = `${colors.dim(time)} ${task.id} ${redactUrl(task.target)}`;
  if (last === undefined) return head;
  const verdict = last.ok ? colors.green('ok') : colors.red(`FAILED ${last.reason ?? ''}`);
  const said = last.ok || last.evidence === undefined ? '' : ` (${last.evidence})`;
  const values = Object.entries(last.values)
    .filter(([name]) => !HOST_NAMES.has(name))
    .slice(0, SHOWN_VALUES)
    .map(([name, value]) => ` ${name}=${readableValue(name, value)}`);
  return `${head} ${verdict}${said}${values.join('')}`;
}
