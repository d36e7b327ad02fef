import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { SENTINEL_PROGRAM, SentinelError } from '../lib/index.js';
import { FrameReader } from '../probe/index.js';
import { ConfigAssembler, type ReadConfig, type ReaderMessage } from './transfer.js';

/** A file that takes longer than this to be read is given up. */
const READ_MS = 60_000;
/** Of what a reading process prints, the end is kept for the error. */
const KEPT_CHARACTERS = 2000;

/** Which configuration to read. */
export interface ReadSource {
  /** As the user wrote it: errors begin with it. */
  file: string;
  /** Whether the agent's standard output is a terminal; the reading process has none. */
  isTty: boolean;
  /** Ends the reading early. */
  signal: AbortSignal;
}

/**
 * Reads and checks a configuration in a process of its own, which ends after it: parsing 10,000 tasks takes seconds and hundreds of MB, and the code
 * of a plugin that changed is loaded anew. It inherits the environment; what it read comes back over a pipe, in portions. Throws a ConfigError with
 * all that is wrong, SEN_CONFIG_INVALID when the process did not do its work, and the reason of the signal.
 */
export async function readConfigApart({ file, isTty, signal }: ReadSource): Promise<ReadConfig> {
  signal.throwIfAborted();
  const args = [SENTINEL_PROGRAM, 'read-configuration', '-c', file, ...(isTty ? ['--tty'] : [])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const end = () => void child.kill('SIGKILL');
  const late = setTimeout(end, READ_MS);
  signal.addEventListener('abort', end);
  try {
    return await resultOf(child);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', end);
    end();
  }
}

/** What the process sends, when it has ended: so that no two of them are ever there together. */
function resultOf(child: ChildProcess): Promise<ReadConfig> {
  const frames = new FrameReader<ReaderMessage>();
  const assembler = new ConfigAssembler();
  let printed = '';
  let result: ReadConfig | undefined;
  let fault: unknown;
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk: Buffer) => {
      printed = `${printed}${chunk}`.slice(-KEPT_CHARACTERS);
    });
  const stream = child.stdio[3] as Readable;
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const message of frames.push(chunk)) result = assembler.take(message);
    } catch (error) {
      fault ??= error;
    }
  });
  stream.on('error', () => {}); // Its end is seen by the process's.
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      fault ??= error;
    });
    child.once('close', (code, signal) => {
      if (fault !== undefined) reject(fault);
      else if (result !== undefined) resolve(result);
      else reject(brokenOff(code, signal, printed));
    });
  });
}

function brokenOff(code: number | null, signal: NodeJS.Signals | null, printed: string): SentinelError {
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  const said = printed.trim() === '' ? '' : `: ${printed.trim().replace(/\s*\n\s*/g, ' | ')}`;
  return new SentinelError(
    'SEN_CONFIG_INVALID',
    `the process that reads the configuration ended ${how}${said}`,
  );
}
