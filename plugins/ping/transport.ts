import type { PluginHost } from '../../src/sdk/index.js';
import type { Pinger, Probe } from './echo.js';
import { loadNetPing, socketErrorCode } from './icmp-socket.js';
import { Pacer } from './pacer.js';
import { RawEcho } from './raw-echo.js';
import { PERMISSION_HELP } from './send-fault.js';
import { createSystemPinger, findPing } from './system-ping.js';
import { TimerQueue } from './timer-queue.js';
import { createPinger } from './train.js';

/** The way of this process to ping: raw sockets, or else the system's ping, or else an explanation. */
interface Transport {
  pinger: Pinger;
  close(): void;
}

/** The first packets of a process run code that was never run before, which takes a millisecond: these to ourselves, not those to the first target. */
const WARM_UP: Omit<Probe, 'address' | 'family'> = {
  source: undefined,
  interface: undefined,
  count: 5,
  intervalMs: 1,
  timeoutMs: 20,
  size: 56,
  ttl: 1,
  tos: 0,
  df: false,
  id: 1,
  deadlineMs: Infinity,
  signal: new AbortController().signal,
};

/** Finds the way and says once, as a warning, when it is not the good one. */
export async function openTransport(log: PluginHost['log'], packetsPerSecond: number): Promise<Transport> {
  try {
    return await openRaw(packetsPerSecond);
  } catch (error) {
    const help = whyNotRaw(error);
    const command = await findPing();
    if (command === undefined) {
      log.warn(`cannot ping: ${help}; and there is no \`ping\` in PATH that this user may run`);
      return {
        pinger: async () => [{ kind: 'failed', reason: 'permission', evidence: help }],
        close: () => {},
      };
    }
    log.warn(`pinging by ${command.path}, which is slower and less exact: ${help}`);
    return { pinger: createSystemPinger(command, help), close: () => {} };
  }
}

async function openRaw(packetsPerSecond: number): Promise<Transport> {
  const timers = new TimerQueue();
  const pacer = new Pacer(packetsPerSecond, timers);
  const echo = new RawEcho(await loadNetPing(), pacer, timers);
  const close = () => {
    pacer.close();
    timers.close();
    echo.close();
  };
  const pinger = createPinger(echo, timers);
  try {
    echo.open(4);
    for (const [address, family] of [
      ['127.0.0.1', 4],
      ['::1', 6],
    ] as const)
      await pinger({ ...WARM_UP, address, family });
  } catch (error) {
    close();
    throw error;
  }
  return { pinger, close };
}

function whyNotRaw(error: unknown): string {
  if (['EPERM', 'EACCES'].includes(socketErrorCode(error))) return PERMISSION_HELP;
  return `cannot use raw ICMP sockets: ${error instanceof Error ? error.message : String(error)}`;
}
