import { once } from 'node:events';
import { Socket } from 'node:net';
import {
  catalogMessage,
  faultMessagesOf,
  messagesOf,
  type ReaderMessage,
  readConfigWatched,
} from '../config/index.js';
import { encodeFrame, type ImportWatch, loadFolders, loadPlugins } from '../probe/index.js';
import { describeError, EXIT } from './exit.js';
import { letExit } from './exit-guard.js';

/** The descriptor of the pipe to the process that started this one, which opened it for us. */
const PIPE_FD = 3;

/** What both commands are told. */
interface ReadOptions {
  /** Entry files of plugins that ended a process before, with what they did, as JSON. */
  refused: string;
}

/** `sentinel read-configuration`, which another command starts to read a file: gives it what the file says, or all that is wrong with it. */
export function sendConfiguration(options: ReadOptions & { config: string; tty?: boolean }): Promise<number> {
  return send(options, async function* (watch) {
    try {
      const source = { file: options.config, isTty: options.tty === true };
      yield* messagesOf(await readConfigWatched(source, watch));
    } catch (error) {
      // The last line is the cure, which the log of an agent does not need.
      yield* faultMessagesOf(describeError(error).lines.slice(0, -1));
    }
  });
}

/** `sentinel read-plugins`: the same for plugins alone, those of `folders` where there are some, else the built-in ones and those below the directories. */
export function sendPlugins(
  folders: readonly string[],
  options: ReadOptions & { directory: readonly string[] },
): Promise<number> {
  return send(options, async function* (watch) {
    const outside = folders.map((directory) => ({ directory, builtin: false }));
    yield catalogMessage(
      outside.length > 0 ? await loadFolders(outside, watch) : await loadPlugins(options.directory, watch),
    );
  });
}

async function send(
  { refused }: ReadOptions,
  messages: (watch: ImportWatch) => AsyncGenerator<ReaderMessage>,
): Promise<number> {
  // A reload that was asked for with a signal to the whole process group must not end itself.
  process.on('SIGHUP', () => {});
  // How this process ends is for the other one to judge, by its true exit code.
  letExit();
  const pipe = new Socket({ fd: PIPE_FD, readable: false, writable: true });
  const watch: ImportWatch = {
    refused: JSON.parse(refused) as Record<string, string>,
    // While nothing waits before it, it is gone when write returns: what the code does then cannot hold it up.
    onImport: (entry) => pipe.write(encodeFrame({ kind: 'import', entry })),
  };
  for await (const message of messages(watch)) {
    if (!pipe.write(encodeFrame(message))) await once(pipe, 'drain');
  }
  pipe.end();
  await once(pipe, 'finish');
  return EXIT.ok;
}
