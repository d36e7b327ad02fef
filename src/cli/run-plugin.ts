import { field, type Logger, SentinelError } from '../lib/index.js';
import { createHttpClient, createResolver } from '../net/index.js';
import { type LoadedPlugin, type Outcome, runOnce } from '../probe/index.js';
import type { Definition, PluginHost } from '../sdk/index.js';

/** One run of one plugin in this process. */
export interface PluginRun {
  plugin: LoadedPlugin;
  /** Checked options, as `readOptions` gives them. */
  options: unknown;
  timeoutMs: number;
  /** The plugin's keys of `plugins.config` for a whole process, as written. */
  hostConfig: Readonly<Record<string, unknown>>;
  log: Logger;
  /** Cuts the run short. */
  cutShort: AbortSignal;
}

/**
 * Opens a plugin, runs it once by the code of the service, and closes it. Throws SEN_CONFIG_INVALID for wrong process-wide keys, and what `open`
 * and `prepare` throw (OptionError).
 */
export async function runPlugin(run: PluginRun): Promise<{ plannedMs: number; outcome: Outcome }> {
  const { definition } = run.plugin;
  const resolver = createResolver();
  const host: PluginHost = {
    log: run.log,
    resolver,
    config: hostConfigOf(definition, run.hostConfig),
    createHttpClient: (options) => createHttpClient(options, resolver),
  };
  try {
    const shared = await definition.open?.(host);
    try {
      const prepared = definition.prepare(run.options, shared, { timeoutMs: run.timeoutMs });
      const plannedMs = Date.now();
      const { timeoutMs, cutShort } = run;
      const outcome = await runOnce(definition, prepared, { timeoutMs, plannedMs, cutShort });
      definition.release?.(prepared);
      return { plannedMs, outcome };
    } finally {
      await definition.close?.(shared);
    }
  } finally {
    resolver.close();
  }
}

/** The process-wide keys of a plugin, checked, with their defaults; nothing where it has none. Throws SEN_CONFIG_INVALID. */
export function hostConfigOf(definition: Definition, written: Readonly<Record<string, unknown>>): unknown {
  if (definition.hostConfig === undefined) return undefined;
  const checked = field.check(definition.hostConfig, written);
  if (checked.issues === undefined) return checked.value;
  const lines = checked.issues.map(
    ({ path, message }) => `plugins.config.${[definition.name, ...path].join('.')}: ${message}`,
  );
  throw new SentinelError('SEN_CONFIG_INVALID', lines.join('; '));
}
