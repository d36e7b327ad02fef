import type { Echo, EchoOutcome, Pinger, Probe } from './echo.js';
import type { TimerQueue } from './timer-queue.js';

/** A pinger that sends the packets of a run one interval apart, whatever becomes of the ones before. */
export function createPinger(echo: Echo, timers: TimerQueue): Pinger {
  return (probe) => sendTrain(echo, timers, probe);
}

function sendTrain(echo: Echo, timers: TimerQueue, probe: Probe): Promise<readonly EchoOutcome[]> {
  return new Promise((resolve) => {
    const outcomes: (EchoOutcome | undefined)[] = new Array(probe.count).fill(undefined);
    const startedMs = performance.now();
    let open = probe.count;
    let over = false;

    const finish = () => {
      if (over) return;
      over = true;
      probe.signal.removeEventListener('abort', finish);
      resolve(outcomes.filter((outcome) => outcome !== undefined));
    };
    const send = (i: number) => {
      if (over) return;
      if (i + 1 < probe.count) timers.at(startedMs + (i + 1) * probe.intervalMs, () => send(i + 1));
      echo.ping(probe, (outcome) => {
        outcomes[i] = outcome;
        // A failure is one of this host, not of the packet: the next ones would fail in the same way.
        if (--open === 0 || outcome.kind === 'failed') finish();
      });
    };

    if (probe.signal.aborted) return finish();
    probe.signal.addEventListener('abort', finish);
    send(0);
  });
}
