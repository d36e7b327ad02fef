import { hash } from 'node:crypto';
import { tryParseDuration } from '../lib/index.js';
import { compareBytes, type Labels, labelValue } from '../model/index.js';
import type { ScrapeConfig } from './scrape-config.js';
import { limitFault, limitsOf } from './target-limits.js';
import { targetUrl } from './target-url.js';

/** A target that can be scraped. */
export interface Target {
  /** Tells it from every other target of its job, the same on every agent: a hash of its labels, those with two underscores too, and its URL. */
  key: string;
  /** The same without interval and timeout: of two targets that differ in these alone one may go on with the other's series. */
  seriesKey: string;
  /** Those that its series get. */
  labels: Labels;
  /** Before relabelling. */
  discoveredLabels: Labels;
  url: string;
  /** A Unix socket to connect to, in place of the address. */
  socketPath: string | undefined;
  /** Of its job, with what its labels say otherwise. */
  config: ScrapeConfig;
}

/** What became of the labels of a discovered target. */
export type Populated =
  | { kind: 'target'; target: Target }
  | { kind: 'dropped' }
  | { kind: 'invalid'; error: string };

const TIMES: readonly string[] = ['__scrape_interval__', '__scrape_timeout__'];

/** Labels to labels; `undefined` = dropped. */
interface Relabelling {
  apply(labels: Labels): Labels | undefined;
}

/** Makes a target of discovered labels, step by step as Prometheus does (scrape/target.go, PopulateLabels); its errors are Prometheus's. vmagent's limits come on top. */
export function populateTarget(
  config: ScrapeConfig,
  relabelling: Relabelling,
  discovered: Labels,
): Populated {
  const relabelled = relabelling.apply(discovered);
  if (relabelled === undefined) return { kind: 'dropped' };
  const error =
    addressFault(relabelled) ?? timesFault(relabelled) ?? flagFault(relabelled) ?? limitFault(relabelled);
  if (error !== undefined) return { kind: 'invalid', error };
  const labels = withInstance(relabelled);
  const fault = valueFault(labels);
  if (fault !== undefined) return { kind: 'invalid', error: fault };
  return { kind: 'target', target: targetOf(config, labels, discovered) };
}

function targetOf(config: ScrapeConfig, labels: Labels, discovered: Labels): Target {
  const url = targetUrl(labels, config.params);
  const times = TIMES.map((name) => labelValue(labels, name));
  const rest = without(labels, (name) => TIMES.includes(name));
  const seriesKey = hash('sha1', `${rest.join('\0')}\0${url}`, 'base64');
  return {
    key: `${seriesKey} ${times.join(' ')}`,
    seriesKey,
    labels: without(labels, (name) => name.startsWith('__')),
    discoveredLabels: discovered,
    url,
    socketPath: labelValue(labels, '__unix_socket__') || undefined,
    config: configOf(config, labels),
  };
}

function without(labels: Labels, isOut: (name: string) => boolean): Labels {
  const kept: string[] = [];
  for (let i = 0; i < labels.length; i += 2) if (!isOut(labels[i]!)) kept.push(labels[i]!, labels[i + 1]!);
  return kept;
}

/** The job's own one where the labels say nothing else, so that targets share it. */
function configOf(config: ScrapeConfig, labels: Labels): ScrapeConfig {
  const own = {
    intervalMs: tryParseTime(labelValue(labels, '__scrape_interval__'))!,
    timeoutMs: tryParseTime(labelValue(labels, '__scrape_timeout__'))!,
    convertClassicHistograms: isTrue(labels, '__convert_classic_histograms_to_nhcb__'),
    alwaysScrapeClassicHistograms: isTrue(labels, '__always_scrape_classic_histograms__'),
    nativeHistograms: isTrue(labels, '__scrape_native_histograms__'),
    limits: limitsOf(labels, config.limits),
  };
  const keys = Object.keys(own) as (keyof typeof own)[];
  return keys.every((key) => own[key] === config[key]) ? config : { ...config, ...own };
}

function addressFault(labels: Labels): string | undefined {
  const address = labelValue(labels, '__address__');
  if (address === '') return 'no address';
  return address.includes('/') ? `${JSON.stringify(address)} is not a valid hostname` : undefined;
}

function timesFault(labels: Labels): string | undefined {
  const [interval, timeout] = ['interval', 'timeout'].map((what) => ({
    what,
    text: labelValue(labels, `__scrape_${what}__`),
  })) as [TimeLabel, TimeLabel];
  const fault = timeFault(interval) ?? timeFault(timeout);
  if (fault !== undefined) return fault;
  if (tryParseTime(timeout.text)! <= tryParseTime(interval.text)!) return undefined;
  return `scrape timeout cannot be greater than scrape interval ("${timeout.text}" > "${interval.text}")`;
}

interface TimeLabel {
  what: string;
  text: string;
}

function timeFault({ what, text }: TimeLabel): string | undefined {
  const ms = tryParseTime(text);
  if (ms === undefined) return `error parsing scrape ${what}: ${durationFault(text)}`;
  return ms === 0 ? `scrape ${what} cannot be 0` : undefined;
}

const MAX_KNOWN_TIMES = 100;
const knownTimes = new Map<string, number | undefined>();

/** See `tryParseDuration`: thousands of targets have the same two. */
function tryParseTime(text: string): number | undefined {
  if (knownTimes.has(text)) return knownTimes.get(text);
  if (knownTimes.size >= MAX_KNOWN_TIMES) knownTimes.clear();
  const ms = tryParseDuration(text);
  knownTimes.set(text, ms);
  return ms;
}

/** What Prometheus says of a text that is no duration. */
function durationFault(text: string): string {
  if (text === '') return 'empty duration string';
  const unknown = /^(?:\d+(?:y|w|d|h|m|s|ms)(?!\D))*\d+(\D+)/.exec(text)?.[1];
  if (unknown === undefined || /^(?:y|w|d|h|m|s|ms)$/.test(unknown))
    return `not a valid duration string: ${JSON.stringify(text)}`;
  return `unknown unit ${JSON.stringify(unknown)} in duration ${JSON.stringify(text)}`;
}

const FLAGS = [
  ['__convert_classic_histograms_to_nhcb__', 'convert classic histograms to nhcb'],
  ['__always_scrape_classic_histograms__', 'always scrape classic histograms'],
  ['__scrape_native_histograms__', 'scrape native histograms'],
] as const;

/** Go's strconv.ParseBool. */
const TRUE = /^(?:1|t|T|TRUE|true|True)$/;
const FALSE = /^(?:0|f|F|FALSE|false|False)$/;

function flagFault(labels: Labels): string | undefined {
  for (const [name, what] of FLAGS) {
    const text = labelValue(labels, name);
    if (text === '' || TRUE.test(text) || FALSE.test(text)) continue;
    return `error parsing ${what}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  return undefined;
}

const isTrue = (labels: Labels, name: string) => TRUE.test(labelValue(labels, name));

/** Without what discovery knew of the target; its name is its address when it has no other. */
function withInstance(labels: Labels): Labels {
  const kept = without(labels, (name) => name.startsWith('__meta_')) as string[];
  if (labelValue(kept, 'instance') !== '') return kept;
  let at = 0;
  while (at < kept.length && compareBytes(kept[at]!, 'instance') < 0) at += 2;
  return kept.toSpliced(at, 0, 'instance', labelValue(kept, '__address__'));
}

/** A text that cannot be UTF-8 holds half of a surrogate pair. */
function valueFault(labels: Labels): string | undefined {
  for (let i = 0; i < labels.length; i += 2)
    if (/\p{Surrogate}/u.test(labels[i + 1]!))
      return `invalid label value for "${labels[i]}": ${JSON.stringify(labels[i + 1])}`;
  return undefined;
}
