import type { Clock, Logger, Metrics } from '../lib/index.js';
import type { Answer } from './answer.js';
import type { Guards } from './guards.js';
import type { HttpView } from './view.js';

/** What endpoints and the request handler need. */
export interface RouteParts {
  view: HttpView;
  log: Logger;
  metrics: Metrics;
  clock: Clock;
  guards: Guards;
}

/** A path that is answered to GET and HEAD, or to POST when it changes something. */
export interface Endpoint {
  method?: 'POST';
  path: string;
  /** What it gives, in a few words for the list of endpoints. */
  does: string;
  answer: (query: URLSearchParams) => Answer | Promise<Answer>;
}
