import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from 'find-my-way';
import { errorLine, type Logger, Throttle } from '../lib/index.js';
import { type Answer, text } from './answer.js';
import type { Endpoint, RouteParts } from './endpoint.js';
import { endpointsOf } from './endpoints.js';
import { pathOf, refusalOf } from './guards.js';
import { Outlet } from './outlet.js';

/** Answers requests. */
export interface RequestHandler {
  /** Answers every request, whatever it asks for. Never throws. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  /** Counts a request that could not be read. */
  countUnreadable: (status: number) => void;
}

const METHODS = ['GET', 'HEAD'] as const;
const LOG_PERIOD_MS = 60_000;

/** Makes the handler of an edge. */
export function createHandler(parts: RouteParts): RequestHandler {
  const { metrics, guards } = parts;
  const outlet = new Outlet(parts);
  const requests = metrics.family(
    'counter',
    'sentinel_http_requests_total',
    'HTTP requests by path and status code.',
  );
  const count = (path: string, status: number) => requests.with({ path, code: String(status) }).inc();
  const refuse = createRefuser(parts);
  const router = Router();
  const find = (request: IncomingMessage) =>
    router.find('GET', pathOf(request))?.store as Endpoint | undefined;
  for (const endpoint of endpointsOf(parts)) router.on('GET', endpoint.path, () => {}, endpoint);
  return {
    answer(request, response) {
      const refused = refuse(request, refusalOf(request, guards));
      const endpoint = refused === undefined ? find(request) : undefined;
      const path = refused !== undefined ? 'refused' : (endpoint?.path ?? 'other');
      const give = (answer: Answer) => {
        count(path, answer.status);
        outlet.give(request, response, answer);
      };
      const answer = refused ?? answerOf(request, endpoint, outlet, parts.log);
      if (!(answer instanceof Promise)) return give(answer);
      request.socket.setTimeout(0); // Nothing moves while the agent works, which has bounds of its own.
      void answer.then(give);
    },
    countUnreadable: (status) => count('unreadable', status),
  };
}

function answerOf(
  request: IncomingMessage,
  endpoint: Endpoint | undefined,
  outlet: Outlet,
  log: Logger,
): Answer | Promise<Answer> {
  if (endpoint === undefined) return text(404, 'no such page; / lists the endpoints');
  const methods = endpoint.method === undefined ? METHODS : [endpoint.method];
  if (!methods.some((method) => method === request.method))
    return text(405, `only ${methods.join(' and ')} ${methods.length === 1 ? 'is' : 'are'} answered here`, {
      Allow: methods.join(', '),
    });
  if (!outlet.hasRoom)
    return text(503, 'too many answers wait for slow readers; try again', { 'Retry-After': '1' });
  const broken = (error: unknown) => {
    log.error({ path: endpoint.path, err: errorLine(error) }, 'cannot answer a request');
    return text(500, 'internal error; the log says more');
  };
  try {
    const answer = endpoint.answer(new URLSearchParams(request.url?.split('?')[1]));
    if (answer instanceof Promise) return answer.catch(broken);
    return answer.rest === undefined ? answer : outlet.begin(request, answer).catch(broken);
  } catch (error) {
    return broken(error);
  }
}

type Refuser = (request: IncomingMessage, refusal: ReturnType<typeof refusalOf>) => Answer | undefined;

/** Turns a refusal into an answer. Wrong credentials are worth a line in the log: somebody may be guessing. */
function createRefuser({ log, clock }: RouteParts): Refuser {
  const throttle = new Throttle(LOG_PERIOD_MS, () => clock.monotonic());
  return (request, refusal) => {
    if (refusal === undefined) return undefined;
    const close = { Connection: 'close' };
    if (refusal.status !== 401) return text(refusal.status, refusal.text, close);
    if (request.headers.authorization !== undefined) {
      const suppressed = throttle.pass('credentials');
      const { remoteAddress } = request.socket;
      if (suppressed !== undefined)
        log.warn({ address: remoteAddress, suppressed }, 'HTTP request with wrong credentials');
    }
    return text(401, refusal.text, {
      ...close,
      'WWW-Authenticate': 'Basic realm="Sentinel", charset="UTF-8"',
    });
  };
}
