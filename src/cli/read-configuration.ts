import { once } from 'node:events';
import { Socket } from 'node:net';
import { faultMessagesOf, messagesOf, type ReaderMessage, readConfigOf } from '../config/index.js';
import { encodeFrame } from '../probe/index.js';
import { readConfiguration } from './configuration.js';
import { describeError, EXIT } from './exit.js';

/** The descriptor of the pipe to the agent, which the agent opened for us. */
const PIPE_FD = 3;

/** `sentinel read-configuration`, which a running agent starts to reload: reads the file and gives what it says, or all that is wrong with it, to the agent. */
export async function sendConfiguration(options: { config?: string; tty?: boolean }): Promise<number> {
  // A reload that was asked for with a signal to the whole process group must not end itself.
  process.on('SIGHUP', () => {});
  const pipe = new Socket({ fd: PIPE_FD, readable: false, writable: true });
  for await (const message of messages(options)) {
    if (!pipe.write(encodeFrame(message))) await once(pipe, 'drain');
  }
  pipe.end();
  await once(pipe, 'finish');
  return EXIT.ok;
}

async function* messages(options: { config?: string; tty?: boolean }): AsyncGenerator<ReaderMessage> {
  try {
    yield* messagesOf(readConfigOf(await readConfiguration(options.config, options.tty === true)));
  } catch (error) {
    // The last line is the cure, which the log of an agent does not need.
    yield* faultMessagesOf(describeError(error).lines.slice(0, -1));
  }
}
