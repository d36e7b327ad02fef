import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import type { Address, Resolver, Result, Run, Sdk } from '../../src/sdk/index.js';
import type { Pinger } from './echo.js';
import { fitTimes } from './fit.js';
import { LocalAddresses } from './local-address.js';
import { type PingConfig, pingConfig } from './options.js';
import { METRICS, summarize } from './summary.js';
import { openTransport } from './transport.js';

/** What all tasks of the process share. */
interface Shared {
  resolver: Resolver;
  local: LocalAddresses;
  pinger: Pinger;
  /** ICMP identifier of the process. */
  id: number;
  close(): void;
}

/** One task. */
interface Task {
  config: PingConfig;
  shared: Shared;
  id: number;
}

export default (sdk: Sdk) =>
  sdk.define({
    name: 'ping',
    version: '1.0.0',
    description: 'Sends ICMP echo requests and measures round-trip time, jitter and loss.',
    config: pingConfig(sdk.field),
    hostConfig: sdk.field.section('Options of the process that pings.', {
      packets_per_second: sdk.field.integer(
        'Packets that all ping tasks together send in a second at most.',
        {
          default: 1000,
          min: 1,
          max: 20_000,
        },
      ),
    }),
    target: 'host',
    flags: { count: 'n', interval: 'i', timeout: 't' },
    settable: ['host', 'count', 'size', 'ttl', 'tos', 'df', 'family'],
    metrics: METRICS,
    lane: 'ping',
    slackMs: 20,

    fit: (config, given, timeoutMs) => fitTimes(config, given, timeoutMs, sdk.OptionError),

    async open(host): Promise<Shared> {
      const { pinger, close } = await openTransport(host.log, host.config.packets_per_second);
      return { resolver: host.resolver, local: new LocalAddresses(), pinger, id: newId(), close };
    },

    prepare(config, shared): Task {
      const fault = faultOf(config);
      if (fault !== undefined) throw new sdk.OptionError(fault.key, fault.message);
      return { config, shared, id: shared.id };
    },

    collect,

    async close(shared) {
      shared.close();
    },
  });

async function collect(task: Task, run: Run): Promise<Result> {
  const deadlineMs = performance.now() + run.timeoutMs;
  const { config, shared } = task;
  const target = await resolveTarget(task, run);
  if ('ok' in target) return target;
  if (config.source !== undefined && !shared.local.has(config.source))
    return unmeasured('bind', `source ${config.source} is not an address of this host`);
  const outcomes = await shared.pinger({
    address: target.address,
    family: target.family,
    source: config.source,
    interface: config.interface,
    count: config.count,
    intervalMs: config.interval,
    timeoutMs: config.timeout,
    size: config.size,
    ttl: config.ttl,
    tos: config.tos,
    df: config.df,
    id: task.id,
    deadlineMs,
    signal: run.signal,
  });
  // A firewall that still holds a state from before a change of routes would answer one identifier wrongly for ever.
  if (!outcomes.some((outcome) => outcome.kind === 'reply')) task.id = newId();
  return summarize(outcomes, config.max_loss);
}

function newId(): number {
  return randomInt(1, 65_536);
}

async function resolveTarget({ config, shared }: Task, run: Run): Promise<Address | Result> {
  // The packets must come from `source`, so the target must be of its family.
  const family = config.source === undefined ? config.family : isIP(config.source) === 4 ? 'ip4' : 'ip6';
  try {
    const [address] = await shared.resolver.resolve(config.host, family, run.signal);
    return address!;
  } catch (error) {
    if (run.signal.aborted)
      return unmeasured('resolve', `cannot resolve "${config.host}" within ${run.timeoutMs}ms`);
    if (error instanceof Error && 'code' in error && error.code === 'SEN_RESOLVE')
      return unmeasured('resolve', error.message);
    throw error;
  }
}

function unmeasured(reason: 'resolve' | 'bind', evidence: string): Result {
  return { ok: false, reason, samples: [], evidence };
}

/** What the schema cannot see. */
function faultOf({ host, source, family }: PingConfig): { key: string; message: string } | undefined {
  if (isMulticast(host))
    return { key: 'host', message: `${host} is a multicast or broadcast address; ping one host` };
  if (source === undefined) return undefined;
  if (isIP(source) === 0) return { key: 'source', message: 'expected an IP address of this host' };
  const wrong = (family === 'ip4' && isIP(source) !== 4) || (family === 'ip6' && isIP(source) !== 6);
  return wrong ? { key: 'source', message: `${source} does not fit family ${family}` } : undefined;
}

function isMulticast(host: string): boolean {
  if (isIP(host) === 4) return Number(host.split('.')[0]) >= 224;
  return isIP(host) === 6 && host.toLowerCase().startsWith('ff');
}
