import type { Series } from '../exposition/index.js';
import { SentinelError } from '../lib/index.js';
import { compareBytes, type Labels, labelValue } from '../model/index.js';
import type { NameScheme } from '../relabel/index.js';
import type { ScrapeConfig, ScrapeLimits } from './scrape-config.js';

/** What `metric_relabel_configs` compile to. */
export interface MetricRelabel {
  readonly isEmpty: boolean;
  /** `undefined` = dropped. */
  apply(labels: Labels): Labels | undefined;
}

const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** From the labels as exposed to those of the series, as Prometheus makes them: the target's labels, metric relabelling, then the checks that fail a scrape. */
export class SeriesLabels {
  readonly #target: Labels;
  readonly #honorLabels: boolean;
  readonly #relabel: MetricRelabel;
  readonly #scheme: NameScheme;
  #limits: ScrapeLimits;

  constructor(config: ScrapeConfig, target: Labels, relabel: MetricRelabel) {
    this.#target = target;
    this.#honorLabels = config.honorLabels;
    this.#relabel = relabel;
    this.#scheme = config.validationScheme;
    this.#limits = config.limits;
  }

  /** From now on with these limits. */
  limit(limits: ScrapeLimits): void {
    this.#limits = limits;
  }

  /** The labels of a series; `undefined` when relabelling drops it. Throws SEN_EXPOSITION_INVALID or SEN_LIMIT: the scrape fails. */
  of(series: Series): Labels | undefined {
    const labels = this.unchecked(series);
    if (labels === undefined || labels.length === 0) return undefined;
    checkNames(labels, this.#scheme);
    checkLimits(labels, this.#limits);
    return labels;
  }

  /** The same without checks, for a series that has passed them. */
  unchecked(series: Series): Labels | undefined {
    const labels = besideTarget(withName(series), this.#target, this.#honorLabels);
    return this.#relabel.isEmpty ? labels : this.#relabel.apply(labels);
  }
}

/** Labels as exposed, with `__name__` in its place. */
function withName({ name, labels }: Series): string[] {
  let at = 0;
  while (at < labels.length && compareBytes(labels[at]!, '__name__') < 0) at += 2;
  return [...labels.slice(0, at), '__name__', name, ...labels.slice(at)];
}

/**
 * Joins both, sorted. `honor`: an exposed label stands, also an empty one, which then vanishes and takes the target's with it (the Pushgateway relies on
 * this). Else the target's label stands, and the exposed one moves to `exported_<name>`, unless it is empty.
 */
function besideTarget(own: readonly string[], target: Labels, honor: boolean): string[] {
  const labels: string[] = [];
  const moved: [string, string][] = [];
  let i = 0;
  let j = 0;
  while (i < own.length || j < target.length) {
    const order = i >= own.length ? 1 : j >= target.length ? -1 : compareBytes(own[i]!, target[j]!);
    const isOwn = order < 0 || (order === 0 && honor);
    if (isOwn && own[i + 1] !== '') labels.push(own[i]!, own[i + 1]!);
    if (!isOwn) labels.push(target[j]!, target[j + 1]!);
    if (order === 0 && !honor && own[i + 1] !== '') moved.push([own[i]!, own[i + 1]!]);
    if (order <= 0) i += 2;
    if (order >= 0) j += 2;
  }
  return moved.length === 0 ? labels : withExported(labels, moved);
}

/** Shorter names choose first; one that is taken gets the prefix again. */
function withExported(labels: string[], moved: [string, string][]): string[] {
  moved.sort(([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b));
  for (const [name, value] of moved) {
    let exported = `exported_${name}`;
    while (labelValue(labels, exported) !== '') exported = `exported_${exported}`;
    let at = 0;
    while (at < labels.length && compareBytes(labels[at]!, exported) < 0) at += 2;
    labels.splice(at, 0, exported, value);
  }
  return labels;
}

function checkNames(labels: Labels, scheme: NameScheme): void {
  const metric = labelValue(labels, '__name__');
  if (metric === '')
    throw new SentinelError('SEN_EXPOSITION_INVALID', 'missing metric name (__name__ label)');
  if (scheme === 'utf8') return;
  let isValid = LEGACY_METRIC.test(metric);
  for (let i = 0; i < labels.length; i += 2) isValid &&= LEGACY_LABEL.test(labels[i]!);
  if (!isValid)
    throw new SentinelError('SEN_EXPOSITION_INVALID', `invalid metric name or label names: ${shown(labels)}`);
}

function shown(labels: Labels): string {
  const pairs: string[] = [];
  for (let i = 0; i < labels.length; i += 2) {
    const name = LEGACY_LABEL.test(labels[i]!) ? labels[i]! : JSON.stringify(labels[i]!);
    pairs.push(`${name}=${JSON.stringify(labels[i + 1]!)}`);
  }
  return `{${pairs.join(', ')}}`;
}

const short = (text: string) => [...text].slice(0, 50).join('');

/** Lengths are in bytes, and `__name__` counts as any other label. */
function checkLimits(labels: Labels, limits: ScrapeLimits): void {
  if (limits.labels === 0 && limits.labelNameLength === 0 && limits.labelValueLength === 0) return;
  const metric = short(labelValue(labels, '__name__'));
  if (limits.labels > 0 && labels.length > 2 * limits.labels)
    throw exceeded(
      `label_limit exceeded (metric: ${metric}, number of labels: ${labels.length / 2}, limit: ${limits.labels})`,
    );
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i]!;
    const nameLength = Buffer.byteLength(name);
    if (limits.labelNameLength > 0 && nameLength > limits.labelNameLength)
      throw exceeded(
        `label_name_length_limit exceeded (metric: ${metric}, label name: ${short(name)}, length: ${nameLength}, limit: ${limits.labelNameLength})`,
      );
    const value = labels[i + 1]!;
    const length = Buffer.byteLength(value);
    if (limits.labelValueLength > 0 && length > limits.labelValueLength)
      throw exceeded(
        `label_value_length_limit exceeded (metric: ${metric}, label name: ${short(name)}, value: ${JSON.stringify(short(value))}, length: ${length}, limit: ${limits.labelValueLength})`,
      );
  }
}

const exceeded = (message: string) => new SentinelError('SEN_LIMIT', message);
