import { mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import pino from 'pino';
import type { LoggingOptions } from '../config/index.js';
import { errorLine, SentinelError } from '../lib/index.js';
import { colorsOf } from './terminal.js';

const STDOUT = 1;

/**
 * The agent's log: lines on standard output (readable or JSON) and JSON lines in a file, whose folder is made. Written at once in this thread, so that
 * the last line is there when the process ends. Throws SEN_CONFIG_INVALID when the file cannot be opened.
 */
export async function createAgentLog(options: LoggingOptions): Promise<pino.Logger> {
  const streams: { level: LoggingOptions['level']; stream: { write(line: string): void } }[] = [];
  if (options.stdout) streams.push({ level: options.level, stream: await stdoutStream(options.format) });
  if (options.file !== undefined)
    streams.push({ level: options.level, stream: new LineWriter(openLogFile(options.file)) });
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
  const writer = new LineWriter(STDOUT);
  if (format === 'json') return writer;
  // The names of a CommonJS package stand on `default` alone once it is bundled.
  const { default: pinoPretty } = await import('pino-pretty');
  const { isColorSupported: colorize } = colorsOf(process.stdout);
  const pretty = pinoPretty.prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return { write: (line) => writer.write(pretty(line)) };
}

function openLogFile(file: string): number {
  try {
    mkdirSync(dirname(file), { recursive: true });
    return openSync(file, 'a', 0o640);
  } catch (error) {
    throw new SentinelError('SEN_CONFIG_INVALID', `cannot open the log file of logging.file_path "${file}"`, {
      cause: error,
    });
  }
}

/** Writes lines to a descriptor. A line that cannot be written (disk full, a reader that stalls) is lost and counted: logging never stops the agent. */
export class LineWriter {
  readonly #fd: number;
  #lost = 0;
  #fault = '';

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    try {
      if (this.#lost > 0) {
        writeAll(
          this.#fd,
          `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), msg: `${this.#lost} log lines were lost: ${this.#fault}` })}\n`,
        );
        this.#lost = 0;
      }
      writeAll(this.#fd, line);
    } catch (error) {
      this.#lost++;
      this.#fault = errorLine(error);
    }
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
