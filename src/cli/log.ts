import { writeSync } from 'node:fs';
import pino from 'pino';
import type { LoggingOptions } from '../config/index.js';
import { errorLine, SentinelError } from '../lib/index.js';
import { RotatingFile } from './rotating-file.js';
import { colorsOf } from './terminal.js';

const STDOUT = 1;
const NEWLINE = 10;

/**
 * The agent's log: lines on standard output (readable or JSON) and JSON lines in a file that is moved aside when it is full. Written at once in this
 * thread, so that the last line is there when the process ends. Throws SEN_CONFIG_INVALID when the file cannot be opened.
 */
export async function createAgentLog(options: LoggingOptions): Promise<pino.Logger> {
  const streams: { level: LoggingOptions['level']; stream: { write(line: string): void } }[] = [];
  if (options.stdout) streams.push({ level: options.level, stream: await stdoutStream(options.format) });
  if (options.file !== undefined)
    streams.push({ level: options.level, stream: fileStream(options.file, options) });
  return pino(settings(options.level), pino.multistream(streams));
}

function settings(level: LoggingOptions['level']): pino.LoggerOptions {
  return {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
}

async function stdoutStream(format: LoggingOptions['format']): Promise<{ write(line: string): void }> {
  const writer = new LineWriter(() => STDOUT);
  if (format === 'json') return writer;
  // The names of a CommonJS package stand on `default` alone once it is bundled.
  const { default: pinoPretty } = await import('pino-pretty');
  const { isColorSupported: colorize } = colorsOf(process.stdout);
  const pretty = pinoPretty.prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return { write: (line) => writer.write(pretty(line)) };
}

function fileStream(path: string, { maxSizeBytes, maxFiles }: LoggingOptions): LineWriter {
  try {
    const onFault = (error: unknown) =>
      writer.write(warning(`cannot move the full log file aside: ${errorLine(error)}`));
    const file = new RotatingFile(path, { maxSizeBytes, maxFiles, onFault });
    const writer = new LineWriter((length) => file.descriptorFor(length));
    return writer;
  } catch (error) {
    throw new SentinelError('SEN_CONFIG_INVALID', `cannot open the log file of logging.file_path "${path}"`, {
      cause: error,
    });
  }
}

/** Writes lines to a descriptor. A line that cannot be written (disk full, a reader that stalls) is lost and counted: logging never stops the agent. */
export class LineWriter {
  readonly #descriptorFor: (length: number) => number;
  #lost = 0;
  #fault = '';
  /** The last line was written in part. */
  #isTorn = false;

  /** `descriptorFor` is asked before each line, with its length in bytes. */
  constructor(descriptorFor: (length: number) => number) {
    this.#descriptorFor = descriptorFor;
  }

  write(line: string): void {
    try {
      if (this.#lost > 0) {
        this.#writeAll(warning(`${this.#lost} log lines were lost: ${this.#fault}`));
        this.#lost = 0;
      }
      this.#writeAll(line);
    } catch (error) {
      this.#lost++;
      this.#fault = errorLine(error);
    }
  }

  #writeAll(text: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${text}` : text);
    const descriptor = this.#descriptorFor(bytes.length);
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(descriptor, bytes, at);
      this.#isTorn = bytes[at - 1] !== NEWLINE;
    }
  }
}

/** A line about the log itself, in the form of the others. */
function warning(msg: string): string {
  return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), msg })}\n`;
}
