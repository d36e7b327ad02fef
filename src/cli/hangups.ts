import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

const STANDARD_STREAMS = [0, 1, 2];

/** SIGHUP, told apart: the operator asks for a reload, or the terminal that the program was started on has gone away. */
export interface Hangups {
  /** From now on calls back for each; at once, when one has come before. */
  onEach(listener: (why: 'reload' | 'terminal gone') => void): void;
  /**
   * Puts /dev/null in the place of a terminal that is gone: Node aborts when it cannot restore the mode of its terminal at its end. To be called last
   * of all: a file that somebody else opened meanwhile would get a number that log lines are written to.
   */
  letGo(): void;
}

/** Takes SIGHUP over from the system, which would end the process: to be called before anything that takes time. */
export function catchHangups(): Hangups {
  // A terminal that hangs up is none any more: what was open on it fails.
  const terminals = STANDARD_STREAMS.filter((descriptor) => isatty(descriptor));
  const gone = () => terminals.filter((descriptor) => !isatty(descriptor));
  const why = () => (gone().length === 0 ? 'reload' : 'terminal gone');
  let hasCome = false;
  let tell = (): void => {
    hasCome = true;
  };
  process.on('SIGHUP', () => tell());
  return {
    onEach(listener) {
      tell = () => listener(why());
      if (hasCome) tell();
    },
    letGo() {
      for (const descriptor of gone()) {
        closeSync(descriptor);
        openSync('/dev/null', 'r+'); // Gets the lowest number that is free: this one.
      }
    },
  };
}
