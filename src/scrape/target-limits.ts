import { tryParseSize } from '../lib/index.js';
import { type Labels, labelValue } from '../model/index.js';
import type { ScrapeLimits } from './scrape-config.js';

/** Labels that set a limit for one target, as vmagent has them. */
const LIMIT_LABELS = [
  ['__sample_limit__', 'samples', tryParseCount],
  ['__label_limit__', 'labels', tryParseCount],
  ['__series_limit__', 'series', tryParseCount],
  ['__max_scrape_size__', 'maxScrapeBytes', tryParseSize],
] as const;

/** What is wrong with the limits that the labels set, if anything. */
export function limitFault(labels: Labels): string | undefined {
  for (const [name, , tryParse] of LIMIT_LABELS) {
    const text = labelValue(labels, name);
    if (text !== '' && tryParse(text) === undefined)
      return `error parsing ${name}: ${JSON.stringify(text)} is no limit`;
  }
  return undefined;
}

/** The limits of a target: those of its job, the same object, where its labels set none. They must be without fault. */
export function limitsOf(labels: Labels, job: ScrapeLimits): ScrapeLimits {
  let limits = job;
  for (const [name, key, tryParse] of LIMIT_LABELS) {
    const text = labelValue(labels, name);
    if (text !== '') limits = { ...limits, [key]: tryParse(text)! };
  }
  return limits;
}

function tryParseCount(text: string): number | undefined {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}
