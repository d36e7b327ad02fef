import { isSensitive, redactUrl, shownUrl } from '../lib/index.js';
import { type Labels, labelsToMap } from '../model/index.js';

/** Labels as they were discovered, for people: what is called like a secret is masked, and what a URL among them could hold of one. `__meta_url` loses its whole query. */
export function shownDiscovered(labels: Labels): Record<string, string> {
  return shown(labels, (name, value) => {
    if (isSensitive(name)) return '<secret>';
    if (name === '__address__') return value.replace(/^[^/]*@/, '<secret>@');
    if (!value.includes('://')) return value;
    return name.startsWith('__meta_') ? redactUrl(value) : shownUrl(value);
  });
}

/** Labels that series get, for people. All that reads the samples may see them; only a password in a URL is masked all the same. */
export function shownLabels(labels: Labels): Record<string, string> {
  return shown(labels, (_, value) => (value.includes('://') ? shownUrl(value) : value));
}

function shown(labels: Labels, show: (name: string, value: string) => string): Record<string, string> {
  const map = labelsToMap(labels);
  for (const [name, value] of Object.entries(map)) map[name] = show(name, value);
  return map;
}
