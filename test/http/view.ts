import type { HttpView } from '../../src/http/index.js';

/** An agent with nothing to do, as its pages see it; `parts` replace what a test is about. */
export function viewWith(parts: Partial<HttpView> = {}): HttpView {
  return {
    tasks: () => [],
    destinations: () => [],
    hosts: () => [],
    ready: () => ({ ready: true, reasons: [] }),
    config: () => 'sentinel: {}\n',
    runtime: () => ({
      name: 'agent1',
      startMs: Date.UTC(2026, 0, 1),
      configFile: '/etc/sentinel/config.yaml',
      dataDirectory: '/var/lib/sentinel',
      loopDelayMs: 3,
      buffer: { memoryBytes: 100, diskBytes: 4096, diskHealthy: true },
    }),
    reload: async () => ({ ok: true }),
    ...parts,
  };
}
