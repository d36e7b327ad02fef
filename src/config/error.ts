import { SentinelError } from '../lib/index.js';

/** Everything that is wrong with a configuration file. */
export class ConfigError extends SentinelError {
  /** One per fault, sorted by position: `file:line:column: path: message`. */
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super('SEN_CONFIG_INVALID', lines.join('\n'));
    this.name = 'ConfigError';
    this.lines = lines;
  }
}

/** Keys and indexes from the root of the file to a place. */
export type Path = readonly (string | number)[];

/** `tasks[3].config.timeout`; keys that are no plain words stand in quotes. */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]{0,60}$/.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key.length > 60 ? `${key.slice(0, 57)}...` : key)}]`;
  }
  return text;
}
