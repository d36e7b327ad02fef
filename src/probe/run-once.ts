import { type Clock, errorLine, field, SentinelError, systemClock, type Timer } from '../lib/index.js';
import { DeadlineError, type PluginHost, type Result, type Sample } from '../sdk/index.js';
import { outcomeSamples, resultOfThrow } from './outcome.js';
import type { LoadedPlugin } from './plugin-loader.js';

/** How long after its deadline a run may still give its result; a plugin that does not settle then is left behind. */
const SETTLE_MS = 1000;

/** One run of one plugin in this process. */
export interface OnceOptions {
  plugin: LoadedPlugin;
  /** Checked options, as `readOptions` gives them. */
  options: unknown;
  timeoutMs: number;
  host: Omit<PluginHost, 'config'>;
  /** The plugin's keys for a whole process, as written. */
  hostConfig?: Readonly<Record<string, unknown>> | undefined;
  /** Cuts the run short. */
  signal?: AbortSignal | undefined;
  clock?: Clock;
}

/** What one run gave. */
export interface OnceResult {
  result: Result;
  /** The plugin's samples and the host's. */
  samples: readonly Sample[];
  plannedMs: number;
  durationSeconds: number;
}

/**
 * Runs a plugin once: open, prepare, collect, release, close. Throws OptionError (from `prepare`), SEN_CONFIG_INVALID for wrong host options,
 * and the reason of `signal` when the run was cut short: that is no failed probe. What the plugin throws in `collect` is a result.
 */
export async function runOnce(once: OnceOptions): Promise<OnceResult> {
  const { definition } = once.plugin;
  const clock = once.clock ?? systemClock;
  const shared = await definition.open?.({ ...once.host, config: readHostConfig(once) });
  try {
    const prepared = definition.prepare(once.options, shared, { timeoutMs: once.timeoutMs });
    const plannedMs = Math.floor(clock.now());
    const startMs = clock.monotonic();
    const result = await collectOnce(once, prepared, plannedMs, clock);
    const durationSeconds = (clock.monotonic() - startMs) / 1000;
    definition.release?.(prepared);
    return { result, samples: outcomeSamples(result, durationSeconds), plannedMs, durationSeconds };
  } finally {
    await definition.close?.(shared);
  }
}

function readHostConfig({ plugin, hostConfig }: OnceOptions): unknown {
  if (plugin.definition.hostConfig === undefined) return undefined;
  const checked = field.check(plugin.definition.hostConfig, hostConfig ?? {});
  if (checked.issues === undefined) return checked.value;
  const [first] = checked.issues;
  const path = ['plugins', 'config', plugin.definition.name, ...(first?.path ?? [])].join('.');
  throw new SentinelError('SEN_CONFIG_INVALID', `${path}: ${first?.message}`);
}

async function collectOnce(
  once: OnceOptions,
  prepared: unknown,
  plannedMs: number,
  clock: Clock,
): Promise<Result> {
  const { timeoutMs, signal } = once;
  const run = new AbortController();
  const timers: Timer[] = [];
  const unsettled = new Promise<Result>((resolve) => {
    const wait = () => timers.push(clock.after(SETTLE_MS, () => resolve(unsettledResult(timeoutMs))));
    run.signal.addEventListener('abort', wait, { once: true });
  });
  const cut = () => run.abort(signal?.reason);
  signal?.addEventListener('abort', cut, { once: true });
  if (signal?.aborted) cut();
  timers.push(clock.after(timeoutMs, () => run.abort(new DeadlineError(timeoutMs))));
  try {
    const collected = once.plugin.definition.collect(prepared, { signal: run.signal, timeoutMs, plannedMs });
    const result = await Promise.race([collected, unsettled]);
    signal?.throwIfAborted();
    return result;
  } catch (error) {
    signal?.throwIfAborted();
    return resultOfThrow(error, errorLine(error));
  } finally {
    for (const timer of timers) timer.cancel();
    signal?.removeEventListener('abort', cut);
  }
}

function unsettledResult(timeoutMs: number): Result {
  const evidence = `did not settle within ${SETTLE_MS}ms after its signal (deadline ${timeoutMs}ms)`;
  return { ok: false, reason: 'internal', samples: [], evidence };
}
