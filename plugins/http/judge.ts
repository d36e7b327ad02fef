import type { IncomingMessage } from 'node:http';
import type { Body } from './exchange.js';
import { Failure } from './failure.js';
import type { Sightings } from './metrics.js';
import type { HeaderRule, HttpTask } from './task.js';

/** Judges an answer in blackbox_exporter's order: status, headers, body, version, TLS. Gives a line for a person, or throws the first Failure. */
export function judge(
  task: HttpTask,
  response: IncomingMessage,
  body: Body | undefined,
  sightings: Sightings,
): string {
  const line = `HTTP ${sightings.status} ${response.statusMessage ?? ''}`.trim();
  if (!task.acceptsStatus(sightings.status)) throw new Failure('status', line);
  const header = headerFault(task, response);
  if (header !== undefined) throw regexFailure(sightings, `${line}; ${header}`);
  if (body?.tooLarge === true)
    throw new Failure('too_large', `${line}; the body is longer than ${task.bodyRules.limit} bytes`);
  if (body?.failure !== undefined) throw body.failure;
  const pattern = bodyFault(task, body?.content);
  if (pattern !== undefined) throw regexFailure(sightings, `${line}; ${pattern}`);
  if (!task.acceptsVersion(`HTTP/${response.httpVersion}`))
    throw new Failure('mismatch', `${line}; the version is HTTP/${response.httpVersion}`);
  if (task.failIfSsl && sightings.ssl) throw new Failure('mismatch', `${line}; it came over TLS`);
  if (task.failIfNotSsl && !sightings.ssl) throw new Failure('mismatch', `${line}; it came without TLS`);
  return `${line}, ${sightings.bodyLength} bytes`;
}

function regexFailure(sightings: Sightings, evidence: string): Failure {
  sightings.failedRegex = true;
  return new Failure('mismatch', evidence);
}

function bodyFault(task: HttpTask, content: Buffer | undefined): string | undefined {
  if (content === undefined) return undefined;
  const text = content.toString('utf8');
  const found = task.bodyMustNotMatch.find((regexp) => regexp.test(text));
  if (found !== undefined) return `the body matches ${JSON.stringify(found.pattern())}`;
  const missing = task.bodyMustMatch.find((regexp) => !regexp.test(text));
  return missing === undefined ? undefined : `the body does not match ${JSON.stringify(missing.pattern())}`;
}

function headerFault(task: HttpTask, response: IncomingMessage): string | undefined {
  for (const rule of task.headerMustNotMatch) {
    const values = valuesOf(response, rule);
    if (values === undefined && !rule.allowMissing) return `there is no header ${rule.header}`;
    if (values?.some((value) => rule.regexp.test(value)) === true)
      return `header ${rule.header} matches ${JSON.stringify(rule.regexp.pattern())}`;
  }
  for (const rule of task.headerMustMatch) {
    const values = valuesOf(response, rule);
    if (values === undefined && !rule.allowMissing) return `there is no header ${rule.header}`;
    if (values?.some((value) => rule.regexp.test(value)) === false)
      return `header ${rule.header} does not match ${JSON.stringify(rule.regexp.pattern())}`;
  }
  return undefined;
}

function valuesOf(response: IncomingMessage, rule: HeaderRule): string[] | undefined {
  return response.headersDistinct[rule.header];
}
