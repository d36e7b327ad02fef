import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import pino from 'pino';
import { createHttpEdge, type HttpEdge, type HttpEdgeOptions, type HttpView } from '../../src/http/index.js';
import { Metrics } from '../../src/lib/index.js';

/** An agent with nothing to do, as its pages see it; `parts` replace what a test is about. */
export function viewWith(parts: Partial<HttpView> = {}): HttpView {
  return {
    tasks: () => [],
    destinations: () => [],
    hosts: () => [],
    pools: () => [],
    targetMetadata: () => [],
    explain: () => undefined,
    ready: () => ({ ready: true, reasons: [] }),
    config: () => 'sentinel: {}\n',
    runtime: () => ({
      name: 'agent1',
      startMs: Date.UTC(2026, 0, 1),
      configFile: '/etc/sentinel/config.yaml',
      reloaded: true,
      dataDirectory: '/var/lib/sentinel',
      loopDelayMs: 3,
      buffer: { memoryBytes: 100, diskBytes: 4096, diskHealthy: true },
    }),
    reload: async () => ({ ok: true }),
    ...parts,
  };
}

/** A log, and its lines as they were written. */
interface Lines {
  lines: Record<string, unknown>[];
  log: pino.Logger;
}

/** A log that keeps its lines. */
export function logLines(): Lines {
  const lines: Record<string, unknown>[] = [];
  return {
    lines,
    log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  };
}

/** An edge of an agent with nothing to do, on a free port. */
export function edgeOf(options: Partial<HttpEdgeOptions> = {}): HttpEdge {
  return createHttpEdge({
    view: viewWith(),
    log: logLines().log,
    metrics: new Metrics(),
    listen: '127.0.0.1:0',
    ...options,
  });
}

interface Reply {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

interface Extra {
  headers?: Record<string, string>;
  body?: string;
  /** What an HTTPS client trusts, and shows of itself. The Host header says nothing about whom it wants to meet. */
  tls?: SecureContextOptions;
}

/** One request; its headers may replace Host. */
export function ask(
  edge: HttpEdge,
  path: string,
  method = 'GET',
  { headers = {}, body, tls }: Extra = {},
): Promise<Reply> {
  const place = edge.address!.startsWith('unix:')
    ? { socketPath: edge.address!.slice(5) }
    : { hostname: new URL(edge.address!).hostname.replace(/[[\]]/g, ''), port: new URL(edge.address!).port };
  return new Promise((resolve, reject) => {
    const send = edge.address!.startsWith('https:') ? requestTls : request;
    const sent = send(
      { ...place, path, method, headers, agent: false, checkServerIdentity: () => undefined, ...tls },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: text }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Runs `run` with an edge that listens. */
export async function withEdge(
  options: Partial<HttpEdgeOptions>,
  run: (edge: HttpEdge) => Promise<void>,
): Promise<void> {
  const edge = edgeOf(options);
  await edge.start();
  try {
    await run(edge);
  } finally {
    await edge.close();
  }
}
