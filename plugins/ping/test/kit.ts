import { isIP } from 'node:net';
import { pino } from 'pino';
import { type Resolver, type Result, type Run, sdk } from '../../../src/sdk/index.js';
import createPing from '../index.js';

/** The plugin under test. */
export const ping = createPing(sdk);

/** What all tasks of a process share. */
export type Shared = Awaited<ReturnType<NonNullable<typeof ping.open>>>;

/** A run that nobody ends. */
export function testRun(timeoutMs = 10_000, signal: AbortSignal = new AbortController().signal): Run {
  return { signal, timeoutMs, plannedMs: Date.now() };
}

/** Knows literals only. */
export const literals: Resolver = {
  async resolve(name, family) {
    const version = isIP(name);
    if (version === 0 || (family !== 'ip' && family !== `ip${version}`))
      throw Object.assign(new Error(`cannot resolve "${name}"`), { code: 'SEN_RESOLVE' });
    return [{ address: name, family: version as 4 | 6 }];
  },
  close() {},
};

/** The checked options, fitted to the timeout. */
export function options(written: Record<string, unknown>, timeoutMs?: number) {
  const checked = sdk.field.check(ping.config, written);
  if (checked.issues !== undefined) throw new Error(checked.issues.map((issue) => issue.message).join());
  return ping.fit!(checked.value, new Set(Object.keys(written)), timeoutMs);
}

/** Opens the plugin's real transport; `warnings` gets what it logs. */
export async function openReal(packetsPerSecond = 1000, warnings: string[] = []): Promise<Shared> {
  const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  const config = { packets_per_second: packetsPerSecond };
  const createHttpClient = () => {
    throw new Error('ping does not speak HTTP');
  };
  return await ping.open!({ log, resolver: literals, config, createHttpClient });
}

/** One run of a task as the host would do it. */
export async function collect(
  shared: Shared,
  written: Record<string, unknown>,
  timeoutMs?: number,
): Promise<Result> {
  const fitted = options(written, timeoutMs);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new sdk.DeadlineError(fitted.timeoutMs)), fitted.timeoutMs);
  try {
    const task = ping.prepare(fitted.config, shared, { timeoutMs: fitted.timeoutMs });
    return await ping.collect(task, testRun(fitted.timeoutMs, controller.signal));
  } finally {
    clearTimeout(timer);
  }
}

/** The value of a sample, or undefined. */
export function sampleOf(result: Result, name: string): number | undefined {
  return result.samples.find((sample) => sample.name === name)?.value;
}

/** `ok` or the reason, then `name value` of the samples asked for: `timeout: ping_packet_loss 1`. */
export function asText(result: Result, ...names: string[]): string {
  const samples = names.flatMap((name) => {
    const value = sampleOf(result, name);
    return value === undefined ? [] : [`${name} ${Math.round(value * 1000) / 1000}`];
  });
  return `${result.ok ? 'ok' : result.reason}: ${samples.join(' ')}`.trim();
}
