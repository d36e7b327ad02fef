import type { TaskStatus } from '../probe/index.js';

/** What the HTTP edge looks at: the agent, without knowing it. */
export interface HttpView {
  /** Every task with its last result. */
  tasks(): readonly TaskStatus[];
  /** Whether data is being taken and delivered, and if not, why not (one sentence each). */
  ready(): { ready: boolean; reasons: readonly string[] };
}
