import type { Logger, MetricType, Schema } from '../lib/index.js';
import type { HttpClient, HttpClientOptions, Resolver } from '../net/index.js';

/** Why a probe failed; a closed list, because it is a label value. `internal` is a fault of the plugin (it threw). */
export const REASONS = [
  'resolve',
  'refused',
  'unreachable',
  'timeout',
  'reset',
  'ttl_exceeded',
  'frag_needed',
  'tls',
  'certificate',
  'status',
  'mismatch',
  'too_large',
  'parse',
  'loss',
  'bind',
  'permission',
  'internal',
] as const;

/** A reason of the closed list. */
export type Reason = (typeof REASONS)[number];

/** With these nothing was measured: no rtt, loss or reachable series may be given. */
export const UNMEASURED: readonly Reason[] = ['resolve', 'bind', 'permission', 'internal'];

/** One sample of a run. */
export interface Sample {
  name: string;
  labels?: Readonly<Record<string, string>>;
  value: number;
  /** Milliseconds since 1970; absent = the planned tick of the run. */
  timestampMs?: number;
}

/** What a run gives. A target that does not answer is a result, not a throw. */
export interface Result {
  ok: boolean;
  /** Needed when `ok` is false. */
  reason?: Reason;
  samples: readonly Sample[];
  /** One line for a person: what was seen (`2 of 4 packets lost`, `HTTP 503`). Never a secret. */
  evidence?: string;
}

/** One run of one task. */
export interface Run {
  /** Aborts at the deadline (reason is a `DeadlineError`) or when the run is cut short. `collect` settles soon after. */
  signal: AbortSignal;
  /** Milliseconds from the start of the run to its deadline. */
  timeoutMs: number;
  /** Wall clock of the planned tick, ms. */
  plannedMs: number;
}

/** `signal.reason` when a run reached its deadline. */
export class DeadlineError extends Error {
  constructor(timeoutMs: number) {
    super(`deadline of ${timeoutMs}ms reached`);
    this.name = 'DeadlineError';
  }
}

/** What the process of a plugin offers it, once. */
export interface PluginHost<HostConfig = unknown> {
  log: Logger;
  resolver: Resolver;
  /** The plugin's own keys of `plugins.config.<name>` that hold for the whole process (see `Definition.hostConfig`). */
  config: HostConfig;
  /** A client for one peer; close it in `close`. */
  createHttpClient(options: HttpClientOptions): HttpClient;
}

/** A metric that a plugin may give. */
export interface MetricDeclaration {
  name: string;
  type: MetricType;
  /** One sentence, with the unit. */
  help: string;
}

/** A wrong option; thrown by `fit` and `prepare`. */
export class OptionError extends Error {
  /** Key of the plugin's config, or a path of keys. */
  readonly path: readonly (string | number)[];

  constructor(path: string | readonly (string | number)[], message: string) {
    super(message);
    this.name = 'OptionError';
    this.path = typeof path === 'string' ? [path] : path;
  }
}

/**
 * A plugin. The default export of its folder's `index` is a function of the sdk that gives this, so that a plugin outside the tree imports types only.
 * Called in this order: `open` once per probe host, `prepare` once per task, `collect` once per tick (never two of one task at a time), `close` after the last.
 */
export interface Definition<Config = unknown, Shared = unknown, Prepared = unknown, HostConfig = unknown> {
  /** The folder's name, and the value of `plugin:` in a task. */
  name: string;
  version: string;
  /** One sentence. */
  description: string;
  /** The task's `config`; built with `sdk.field`. */
  config: Schema<Config>;
  /** Keys of `plugins.config.<name>` that hold for the whole process, not for a task. */
  hostConfig?: Schema<HostConfig>;
  /** The key that `trigger PLUGIN TARGET` and task sets fill. */
  target: string;
  /** One-letter flags of `trigger`, by key: `{ count: 'n' }`. */
  flags?: Readonly<Record<string, string>>;
  /** The keys that a discovered label may set. Never a file, command, proxy or TLS key. */
  settable?: readonly string[];
  /** Every metric that `collect` may give, or `dynamic` when the target decides. */
  metrics: readonly MetricDeclaration[] | 'dynamic';
  /** The process it runs in among the built-in plugins; absent = `probe`. A plugin from outside always has its own. */
  lane?: string;
  /**
   * A run may begin so much after its tick, together with others: that saves a process with many short runs most of its wake-ups. For a plugin that times and
   * paces what it sends by itself; what it measures must not depend on the moment. Absent = none. Where plugins share a process, the least of theirs holds.
   */
  slackMs?: number;
  /**
   * Fits the options to the task's timeout: defaults shrink, an option that was `given` and cannot fit is refused (OptionError).
   * Without a timeout (`trigger`) gives the one that the options need.
   */
  fit?(
    config: Config,
    given: ReadonlySet<string>,
    timeoutMs: number | undefined,
  ): { config: Config; timeoutMs: number };
  /** Once per probe host: sockets and what all tasks share. */
  open?(host: PluginHost<HostConfig>): Promise<Shared>;
  /** Once per task: what every run shares. No network. OptionError for an option that the schema cannot judge. */
  prepare(config: Config, shared: Shared, task: { timeoutMs: number }): Prepared;
  /** One run. Settles soon after `run.signal` aborts. A throw means that the plugin itself is broken. */
  collect(prepared: Prepared, run: Run): Promise<Result>;
  /** Frees what `prepare` took, when a task goes. */
  release?(prepared: Prepared): void;
  /** Frees what `open` took. Called once, after the last `collect` settled. */
  close?(shared: Shared): Promise<void>;
}
