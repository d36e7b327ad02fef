import type { SentinelError } from '../lib/index.js';
import type { TargetGroup } from './target-group.js';

/** What one reading gave, by part: a URL, a file, a name of DNS. A part that failed keeps its last good groups; one that is not named is gone. */
export type Answer = ReadonlyMap<string, readonly TargetGroup[] | SentinelError>;

/** Where a poller reads targets: one entry of a kind that must be asked again and again. */
export interface Source {
  /** Bounds one reading; without it the source does so itself. */
  readonly timeoutMs?: number;
  /** Asks once; never called again before it has settled. Throws when all of it failed. Settles soon after `signal` aborts where it waits for others. */
  read(signal: AbortSignal): Promise<Answer>;
  /** Frees what it holds; called once, perhaps while a reading is under way. */
  close(): void;
}
