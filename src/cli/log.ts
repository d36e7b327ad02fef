import { writeSync } from 'node:fs';
import pino from 'pino';
import type { LoggingOptions } from '../config/index.js';
import { errorLine, SentinelError, sameValue } from '../lib/index.js';
import { RotatingFile } from './rotating-file.js';
import { colorsOf } from './terminal.js';

const STDOUT = 1;
const NEWLINE = 10;

/** The agent's log, and how to change it while it is in use. */
export interface AgentLog {
  logger: pino.Logger;
  /** From now on by these options. Throws SEN_CONFIG_INVALID, and changes nothing, when the file cannot be opened. */
  set(options: LoggingOptions): Promise<void>;
}

/**
 * The agent's log: lines on standard output (readable or JSON) and JSON lines in a file that is moved aside when it is full. Written at once in this
 * thread, so that the last line is there when the process ends. Throws SEN_CONFIG_INVALID when the file cannot be opened.
 */
export async function createAgentLog(options: LoggingOptions): Promise<AgentLog> {
  let present = options;
  const output = new LogOutput(options.level, await sinksOf(options));
  return {
    logger: pino(SETTINGS, output),
    async set(next) {
      if (sameValue(present, next)) return;
      output.set(next.level, await sinksOf(next));
      present = next;
    },
  };
}

/** Loggers that were handed down keep the level that they were born with, so they let all pass, and the output decides. */
const SETTINGS: pino.LoggerOptions = {
  level: 'debug',
  base: undefined,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
};

/** A place that lines go to. */
interface Sink {
  write(line: string): void;
  close(): void;
}

const METADATA: unique symbol = Symbol.for('pino.metadata');

/** Where pino writes to: the sinks of now. */
class LogOutput {
  /** Has pino say the level of each line beforehand. */
  readonly [METADATA] = true;
  lastLevel = 0;
  #minLevel: number;
  #sinks: readonly Sink[];

  constructor(level: LoggingOptions['level'], sinks: readonly Sink[]) {
    this.#minLevel = pino.levels.values[level]!;
    this.#sinks = sinks;
  }

  set(level: LoggingOptions['level'], sinks: readonly Sink[]): void {
    for (const sink of this.#sinks) sink.close();
    this.#minLevel = pino.levels.values[level]!;
    this.#sinks = sinks;
  }

  write(line: string): void {
    if (this.lastLevel < this.#minLevel) return;
    for (const sink of this.#sinks) sink.write(line);
  }
}

async function sinksOf(options: LoggingOptions): Promise<Sink[]> {
  // The file first: it is what may fail.
  const file = options.file === undefined ? [] : [fileSink(options.file, options)];
  return [...(options.stdout ? [await stdoutSink(options.format)] : []), ...file];
}

async function stdoutSink(format: LoggingOptions['format']): Promise<Sink> {
  const writer = new LineWriter(() => STDOUT);
  const close = () => {};
  if (format === 'json') return { write: (line) => writer.write(line), close };
  // The names of a CommonJS package stand on `default` alone once it is bundled.
  const { default: pinoPretty } = await import('pino-pretty');
  const { isColorSupported: colorize } = colorsOf(process.stdout);
  const pretty = pinoPretty.prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return { write: (line) => writer.write(pretty(line)), close };
}

function fileSink(path: string, { maxSizeBytes, maxFiles }: LoggingOptions): Sink {
  try {
    const onFault = (error: unknown) =>
      writer.write(warning(`cannot move the full log file aside: ${errorLine(error)}`));
    const file = new RotatingFile(path, { maxSizeBytes, maxFiles, onFault });
    const writer = new LineWriter((length) => file.descriptorFor(length));
    return { write: (line) => writer.write(line), close: () => file.close() };
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
