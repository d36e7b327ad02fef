const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Does work that must not outlive this process: a signal that would end the process breaks it off first. Gives what the work gives. */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const cut = new AbortController();
  let came: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    came ??= signal;
    cut.abort();
  };
  // What somebody else listens to does not end the process.
  const signals = SIGNALS.filter((signal) => process.listenerCount(signal) === 0);
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(cut.signal);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    // Now it does what it would have done.
    if (came !== undefined) process.kill(process.pid, came);
  }
}
