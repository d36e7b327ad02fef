// Only until the real wiring is merged: the lead's src/main.ts replaces this file.
import type { Config } from './config/index.js';
import { createHttpEdge } from './http/index.js';
import { type Logger, Metrics } from './lib/index.js';
import type { PluginCatalog, TaskStatus } from './probe/index.js';
import type { DestinationStatus } from './sender/index.js';

/** The running agent. */
export interface Agent {
  readonly metrics: Metrics;
  tasks(): readonly TaskStatus[];
  destinations(): readonly DestinationStatus[];
  ready(): { ready: boolean; reasons: readonly string[] };
  readonly address: string | undefined;
  onResult(listener: (status: TaskStatus) => void): void;
  stop(): Promise<{ successCount: number; failedCount: number; pendingCount: number }>;
}

/** An agent that runs nothing. */
export async function startAgent(parts: {
  config: Config;
  catalog: PluginCatalog;
  log: Logger;
}): Promise<Agent> {
  const metrics = new Metrics();
  const view = { tasks: () => [], ready: () => ({ ready: true, reasons: [] }) };
  const { listen } = parts.config.http;
  const edge = listen === '' ? undefined : createHttpEdge({ view, log: parts.log, metrics, listen });
  await edge?.start();
  return {
    metrics,
    ...view,
    destinations: () => [],
    get address() {
      return edge?.address;
    },
    onResult: () => {},
    stop: async () => {
      await edge?.close();
      parts.log.info({ success_count: 0, failed_count: 0, pending_count: 0 }, 'Sender stopped');
      return { successCount: 0, failedCount: 0, pendingCount: 0 };
    },
  };
}
