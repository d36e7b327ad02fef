import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from 'find-my-way';
import { errorLine, type Family, type Logger, type Metrics, VERSION } from '../lib/index.js';
import { refusalOf } from './guards.js';
import { taskJson } from './tasks.js';
import type { HttpView } from './view.js';

/** What the request handler needs. */
export interface RouteParts {
  view: HttpView;
  log: Logger;
  metrics: Metrics;
  /** Host names beside localhost, in lower case. */
  names: ReadonlySet<string>;
}

interface Answer {
  status: number;
  type: string;
  body: string;
}

interface Endpoint {
  path: string;
  does: string;
  answer: () => Answer;
}

const TEXT = 'text/plain; charset=utf-8';
const METHODS = ['GET', 'HEAD'] as const;

/** Answers every request, whatever it asks for. Never throws. */
export function createHandler(
  parts: RouteParts,
): (request: IncomingMessage, response: ServerResponse) => void {
  const requests = parts.metrics.family(
    'counter',
    'sentinel_http_requests_total',
    'HTTP requests by path and status code.',
  );
  const router = Router();
  for (const endpoint of endpointsOf(parts)) {
    router.on([...METHODS], endpoint.path, (_request, response) =>
      give(response, safely(endpoint, parts.log), count(requests, endpoint.path)),
    );
  }
  return (request, response) => {
    const refused = refusalOf(request, parts.names);
    if (refused !== undefined) {
      response.setHeader('Connection', 'close');
      return give(response, text(refused.status, refused.text), count(requests, 'refused'));
    }
    const route = METHODS.some((method) => method === request.method)
      ? router.find(request.method as 'GET', pathOf(request))
      : null;
    if (route !== null) return void route.handler(request, response, {}, undefined, {});
    if (router.find('GET', pathOf(request)) === null)
      return give(response, text(404, 'no such page; / lists the endpoints'), count(requests, 'other'));
    response.setHeader('Allow', METHODS.join(', '));
    give(response, text(405, `only ${METHODS.join(' and ')} are answered here`), count(requests, 'other'));
  };
}

function endpointsOf({ view, metrics }: RouteParts): Endpoint[] {
  const endpoints: Endpoint[] = [
    { path: '/-/healthy', does: '200 while the agent runs', answer: () => text(200, 'Sentinel is healthy.') },
    {
      path: '/-/ready',
      does: '200 while data is taken and delivered, else 503 with the reasons',
      answer: () => ready(view),
    },
    {
      path: '/metrics',
      does: "the agent's own metrics",
      answer: () => ({
        status: 200,
        type: 'text/plain; version=0.0.4; charset=utf-8',
        body: metrics.render(),
      }),
    },
    {
      path: '/api/v1/tasks',
      does: 'every task with its last result, as JSON',
      answer: () => json(view.tasks().map(taskJson)),
    },
  ];
  const list = endpoints.map(({ path, does }) => `${path.padEnd(16)}${does}`).join('\n');
  return [{ path: '/', does: '', answer: () => text(200, `Sentinel ${VERSION}\n\n${list}`) }, ...endpoints];
}

function ready(view: HttpView): Answer {
  const { ready: isReady, reasons } = view.ready();
  return isReady
    ? text(200, 'Sentinel is ready.')
    : text(503, ['Sentinel is not ready.', ...reasons].join('\n'));
}

function safely(endpoint: Endpoint, log: Logger): Answer {
  try {
    return endpoint.answer();
  } catch (error) {
    log.error({ path: endpoint.path, err: errorLine(error) }, 'cannot answer a request');
    return text(500, 'internal error; the log says more');
  }
}

const text = (status: number, body: string): Answer => ({ status, type: TEXT, body: `${body}\n` });

/** The envelope of Prometheus's API. */
function json(data: unknown): Answer {
  const body = `${JSON.stringify({ status: 'success', data })}\n`;
  return { status: 200, type: 'application/json; charset=utf-8', body };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0]!;
}

const count = (requests: Family, path: string) => (status: number) =>
  requests.with({ path, code: String(status) }).inc();

function give(response: ServerResponse, answer: Answer, counted: (status: number) => void): void {
  counted(answer.status);
  response.writeHead(answer.status, {
    'Content-Type': answer.type,
    'Content-Length': Buffer.byteLength(answer.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(answer.body);
}
