import { errorLine, SentinelError } from '../lib/index.js';
import {
  PAGE_HEADERS,
  renderDiscoveryPage,
  renderRelabelPage,
  renderStatusPage,
  renderTargetsPage,
} from '../web/index.js';
import { type Answer, badData, json, longHtml, longJson, text } from './answer.js';
import { destinationJson } from './destinations.js';
import type { Endpoint, RouteParts } from './endpoint.js';
import { jobJson } from './jobs.js';
import { metadataJson, targetMetadataJson } from './metadata.js';
import { jsonList, lazily, type Pieces } from './pieces.js';
import { relabelStepsJson } from './relabel-steps.js';
import { discoveryPage, relabelPage, targetsPage } from './scrape-pages.js';
import { buildJson, runtimeJson } from './status.js';
import { statusPage } from './status-page.js';
import { targetsJson } from './targets.js';
import { judge, tasksJson } from './tasks.js';

/** Every endpoint of the edge. The status page lists the others. */
export function endpointsOf(parts: RouteParts): Endpoint[] {
  const endpoints = [
    ...scrapePages(parts),
    ...healthEndpoints(parts),
    ...apiEndpoints(parts),
    ...scrapeEndpoints(parts),
    reloadEndpoint(parts),
  ];
  const home: Endpoint = {
    path: '/',
    does: 'is data arriving? A page for people',
    answer: (query) => page(statusPage(parts, endpoints, query), renderStatusPage),
  };
  return [home, ...endpoints];
}

/** The page that `render` makes of what it is made of, when that has been gathered. */
function page<T>(made: Generator<string, T>, render: (of: T) => Pieces): Answer {
  return longHtml(rendered(made, render), PAGE_HEADERS);
}

function* rendered<T>(made: Generator<string, T>, render: (of: T) => Pieces): Generator<string> {
  yield* render(yield* made);
}

function scrapePages(parts: RouteParts): Endpoint[] {
  return [
    {
      path: '/targets',
      does: 'what is scraped, and how it does (?scrapePool=node&health=down&q=part)',
      answer: (query) => page(targetsPage(parts, query), renderTargetsPage),
    },
    {
      path: '/service-discovery',
      does: 'where targets come from, and why one is not scraped (?scrapePool=node)',
      answer: (query) => longHtml(renderDiscoveryPage(discoveryPage(parts, query)), PAGE_HEADERS),
    },
    {
      path: '/relabel-debug',
      does: 'what each rule does to a target or a series',
      answer: (query) => longHtml(renderRelabelPage(relabelPage(parts, query)), PAGE_HEADERS),
    },
  ];
}

function scrapeEndpoints({ view }: RouteParts): Endpoint[] {
  return [
    {
      path: '/api/v1/targets',
      does: 'targets as Prometheus shows them (?state=active|dropped|any&scrapePool=node&health=down)',
      answer: (query) => longJson(targetsJson(view.pools(), query)),
    },
    {
      path: '/api/v1/targets/metadata',
      does: 'types and helps of metrics by target (?match_target={job="node"}&metric=up&limit=10)',
      answer: (query) => answered(() => longJson(targetMetadataJson(view.targetMetadata(), query))),
    },
    {
      path: '/api/v1/targets/relabel_steps',
      does: 'what each rule gives for discovered labels (?scrapePool=node&labels={"__address__":"a:1"})',
      answer: (query) => answered(() => json(relabelStepsJson(view, query))),
    },
    {
      path: '/api/v1/metadata',
      does: 'types and helps of metrics (?metric=up&limit=10&limit_per_metric=1)',
      answer: (query) => answered(() => longJson(metadataJson(view.targetMetadata(), query))),
    },
    {
      path: '/api/v1/scrape_pools',
      does: 'names of the jobs',
      answer: () => json({ scrapePools: view.pools().map(({ job }) => job) }),
    },
    {
      path: '/api/v1/jobs',
      does: 'per job: how many targets are up, what is down and why, what its discovery says',
      answer: () => longJson(jsonList(lazily(view.pools(), jobJson))),
    },
  ];
}

/** What `answer` gives, or what is wrong with the question. */
function answered(answer: () => Answer): Answer {
  try {
    return answer();
  } catch (error) {
    if (error instanceof SentinelError && error.code === 'SEN_USAGE') return badData(errorLine(error));
    throw error;
  }
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
      answer: (query) => longJson(tasksJson(judge(view.tasks(), clock.now()), query)),
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
