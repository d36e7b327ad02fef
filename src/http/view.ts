import type { Labels } from '../model/index.js';
import type { HostStatus, TaskStatus } from '../probe/index.js';
import type { RelabelStep } from '../relabel/index.js';
import type { ExplainSubject, PoolStatus, TargetMetadata } from '../scrape/index.js';
import type { DestinationStatus } from '../sender/index.js';

/** The agent itself, as it is now. */
export interface RuntimeStatus {
  /** `sentinel.name`. */
  name: string;
  /** Wall clock, ms. */
  startMs: number;
  /** The configuration file, absolute. */
  configFile: string;
  /** Whether the last reload was taken; true before the first one. */
  reloaded: boolean;
  /** Absolute. */
  dataDirectory: string;
  /** Worst delay of the event loop in the last one to two minutes, ms. */
  loopDelayMs: number;
  buffer: {
    /** Of blocks that are in memory alone. */
    memoryBytes: number;
    /** Of the file. */
    diskBytes: number;
    /** Whether the file can be read and written. */
    diskHealthy: boolean;
  };
}

/** What the HTTP edge looks at: the agent, without knowing it. */
export interface HttpView {
  /** Every task with its last result. */
  tasks(): readonly TaskStatus[];
  destinations(): readonly DestinationStatus[];
  /** The targets of every job. */
  pools(): readonly PoolStatus[];
  /** What each target says of its families; of the targets of one moment, read when their turn comes. */
  targetMetadata(): Iterable<TargetMetadata>;
  /** What the rules of a job do to these labels, step by step; `undefined` when there is no such job. */
  explain(subject: ExplainSubject, job: string, labels: Labels): readonly RelabelStep[] | undefined;
  /** The processes that run the plugins. */
  hosts(): readonly HostStatus[];
  /** Whether data is being taken and delivered, and if not, why not (one sentence each). */
  ready(): { ready: boolean; reasons: readonly string[] };
  runtime(): RuntimeStatus;
  /** Reads the configuration again and applies it; all that is wrong, a line each, when it was refused. */
  reload(): Promise<{ ok: true } | { ok: false; lines: readonly string[] }>;
  /** The configuration that runs, as YAML without secrets. */
  config(): string;
}
