import { SentinelError } from '../lib/index.js';
import { type Labels, labelsOf, labelsToMap } from '../model/index.js';
import type { RelabelRule } from '../relabel/index.js';
import type { HttpView } from './view.js';

/**
 * What `/api/v1/targets/relabel_steps` shows: what each rule of `?scrapePool=` gives for the discovered labels of `&labels={"__address__":"a:1"}`, in Prometheus's shape. Behind a rule that
 * dropped them, every other one gives nothing. Throws SEN_USAGE for a parameter that is missing or cannot be read.
 */
export function relabelStepsJson(view: HttpView, query: URLSearchParams) {
  const job = required(query, 'scrapePool');
  const labels = readLabels(required(query, 'labels'));
  const rules = view.pools().find((pool) => pool.job === job)?.relabel;
  const steps = view.explain('discovered', job, labels);
  if (rules === undefined || steps === undefined)
    throw new SentinelError('SEN_USAGE', `scrape pool ${JSON.stringify(job)} not found`);
  return {
    steps: rules.map((rule, i) => {
      const output = steps[i]?.after;
      return { rule: ruleJson(rule), output: labelsToMap(output ?? []), keep: output !== undefined };
    }),
  };
}

function required(query: URLSearchParams, name: string): string {
  const text = query.get(name) ?? '';
  if (text === '') throw new SentinelError('SEN_USAGE', `no ${name} parameter provided`);
  return text;
}

function readLabels(text: string): Labels {
  const map = parsed(text);
  const isMap = typeof map === 'object' && map !== null && !Array.isArray(map);
  if (!isMap || !Object.values(map).every((value) => typeof value === 'string'))
    throw new SentinelError(
      'SEN_USAGE',
      'error parsing labels: expected a JSON object of texts such as {"__address__":"host:9100"}',
    );
  return labelsOf(map as Record<string, string>);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SentinelError('SEN_USAGE', 'error parsing labels', { cause });
  }
}

const EMPTY = ['""', '0', '[]', '{}'];

/** A rule under Prometheus's keys, those of vmagent beside; without what is empty. */
function ruleJson(rule: RelabelRule) {
  return Object.fromEntries(
    Object.entries(rule).filter(([, value]) => !EMPTY.includes(JSON.stringify(value))),
  );
}
