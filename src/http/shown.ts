import { redactUrl } from '../lib/index.js';
import { type Labels, labelsToMap } from '../model/index.js';

/** Names of labels and parameters whose value is masked. */
const SENSITIVE =
  /pass(?![a-z])|pass(?:word|wd|phrase)|secret|token|credential|bearer|jwt|signature|(?:api|access|auth|private)[-_]?key|(?:^|_param_)(?:key|sig)$/i;

/** Labels as they were discovered, for people: what is called like a secret is masked, and what a URL among them could hold of one. `__meta_url` loses its whole query. */
export function shownDiscovered(labels: Labels): Record<string, string> {
  return shown(labels, (name, value) => {
    if (SENSITIVE.test(name)) return '<secret>';
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

/** A scrape URL for people: its parameters say what is probed, so that only those are masked that are called like secrets, and what is secret in a URL among them. */
export function shownUrl(url: string): string {
  return url
    .replace(/\/\/[^/?#]*(?:@|%40)/, '//<secret>@')
    .replace(/([?&])([^=&#]*)=([^&#]*)/g, (_, mark: string, name: string, value: string) => {
      return `${mark}${name}=${SENSITIVE.test(name) ? '<secret>' : shownParameter(value)}`;
    });
}

/** A parameter may be a URL itself: `target` of a blackbox exporter. */
function shownParameter(value: string): string {
  if (!/:\/\/|%3A%2F%2F/i.test(value)) return value;
  const url = decoded(value);
  const masked = shownUrl(url);
  return masked === url ? value : encodeURIComponent(masked).replaceAll('%3Csecret%3E', '<secret>');
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // No percent-encoding: then it is what it says.
  }
}
