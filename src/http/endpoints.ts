import { renderStatusPage, STATUS_PAGE_HEADERS } from '../web/index.js';
import { json, text } from './answer.js';
import { destinationJson } from './destinations.js';
import type { Endpoint, RouteParts } from './endpoint.js';
import { buildJson, runtimeJson } from './status.js';
import { statusPage } from './status-page.js';
import { filterTasks, judge, readFilter, taskJson } from './tasks.js';

/** Every endpoint of the edge. The status page lists the others. */
export function endpointsOf(parts: RouteParts): Endpoint[] {
  const endpoints = [...healthEndpoints(parts), ...apiEndpoints(parts), reloadEndpoint(parts)];
  const page: Endpoint = {
    path: '/',
    does: 'is data arriving? A page for people',
    answer: (query) => ({
      status: 200,
      type: 'text/html; charset=utf-8',
      headers: STATUS_PAGE_HEADERS,
      body: renderStatusPage(statusPage(parts, endpoints, query)),
    }),
  };
  return [page, ...endpoints];
}

function reloadEndpoint({ view }: RouteParts): Endpoint {
  return {
    method: 'POST',
    path: '/-/reload',
    does: 'POST: reads the configuration again; 400 with all that is wrong with it',
    answer: async () => {
      const result = await view.reload();
      return result.ok ? text(200, 'Configuration reloaded.') : text(400, result.lines.join('\n'));
    },
  };
}

function healthEndpoints({ view, metrics }: RouteParts): Endpoint[] {
  return [
    { path: '/-/healthy', does: '200 while the agent runs', answer: () => text(200, 'Sentinel is healthy.') },
    {
      path: '/-/ready',
      does: '200 while data is taken and delivered, else 503 with the reasons',
      answer: () => {
        const { ready, reasons } = view.ready();
        if (ready) return text(200, 'Sentinel is ready.');
        return text(503, ['Sentinel is not ready.', ...reasons].join('\n'));
      },
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
  ];
}

function apiEndpoints({ view, clock }: RouteParts): Endpoint[] {
  return [
    {
      path: '/api/v1/tasks',
      does: 'tasks with their last result (?state=failed&q=part)',
      answer: (query) => json(filterTasks(judge(view.tasks(), clock.now()), readFilter(query)).map(taskJson)),
    },
    {
      path: '/api/v1/destinations',
      does: 'what is delivered, what is pending, and why',
      answer: () => json(view.destinations().map((status) => destinationJson(status, clock.now()))),
    },
    {
      path: '/api/v1/status/config',
      does: 'the configuration that runs, without secrets',
      answer: () => json({ yaml: view.config() }),
    },
    {
      path: '/api/v1/status/buildinfo',
      does: 'versions',
      answer: () => json(buildJson()),
    },
    {
      path: '/api/v1/status/runtimeinfo',
      does: 'uptime, memory, probe hosts, buffer',
      answer: () => json(runtimeJson(view, clock.now())),
    },
  ];
}
