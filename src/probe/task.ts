import { field, type SchemaIssue } from '../lib/index.js';
import { type Definition, OptionError } from '../sdk/index.js';

/** A task as it runs: one plugin, one target, one interval. Plain data: it crosses to the probe host. */
export interface Task {
  id: string;
  /** Label `device_id`. */
  deviceId: string;
  /** Label `target`: the value of the plugin's target key, as configured. */
  target: string;
  plugin: string;
  /** The probe host that runs it. */
  lane: string;
  intervalMs: number;
  timeoutMs: number;
  /** The task's own labels. */
  labels: Readonly<Record<string, string>>;
  /** The plugin's options as written (defaults of `plugins.config` merged under them), environment expanded. The plugin's schema reads them on both sides. */
  config: Readonly<Record<string, unknown>>;
  /** Folder that relative secret files stand in. */
  baseDirectory: string;
}

/** What reading a task's options gives: the options and the timeout that fits them, or all that is wrong. */
export type ReadOptions =
  | { config: unknown; timeoutMs: number; issues?: undefined }
  | { issues: SchemaIssue[] };

/**
 * Reads a task's options by the plugin's schema, with secret files, and fits them to the timeout. The agent calls it to check a configuration, the
 * probe host and `trigger` to run it. Without `timeoutMs` gives the timeout that the options need (30 s where the plugin does not say). Never throws for bad options.
 */
export function readOptions(
  definition: Definition,
  written: Readonly<Record<string, unknown>>,
  place: { baseDirectory: string; timeoutMs: number | undefined },
): ReadOptions {
  const checked = field.check(definition.config, written);
  if (checked.issues !== undefined) return { issues: checked.issues };
  const issues = field.readSecretFiles(checked.value, place.baseDirectory);
  if (issues.length > 0) return { issues };
  if (definition.fit === undefined) return { config: checked.value, timeoutMs: place.timeoutMs ?? 30_000 };
  try {
    return definition.fit(checked.value, new Set(Object.keys(written)), place.timeoutMs);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    return { issues: [{ path: [...error.path], message: error.message, atKey: false }] };
  }
}
