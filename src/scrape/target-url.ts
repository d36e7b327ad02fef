import { type Labels, labelValue } from '../model/index.js';
import type { ScrapeConfig } from './scrape-config.js';

const PARAM = '__param_';

/**
 * The URL of a target, written as Go's net/url writes it: a `?` in the path is part of the path, the parameters are sorted by name, and a label `__param_x`
 * stands in the place of the first value of x (Prometheus, Target.URL). It may be one that cannot be asked, where the labels say so.
 */
export function targetUrl(labels: Labels, params: ScrapeConfig['params']): string {
  const path = labelValue(labels, '__metrics_path__');
  const rooted = path === '' || path.startsWith('/') ? path : `/${path}`;
  const query = queryOf(labels, params);
  const host = escapeHost(labelValue(labels, '__address__'));
  return `${labelValue(labels, '__scheme__')}://${host}${escapePath(rooted)}${query === '' ? '' : `?${query}`}`;
}

function queryOf(labels: Labels, params: ScrapeConfig['params']): string {
  const values = new Map(Object.entries(params));
  for (let i = 0; i < labels.length; i += 2) {
    if (!labels[i]!.startsWith(PARAM)) continue;
    const name = labels[i]!.slice(PARAM.length);
    values.set(name, [labels[i + 1]!, ...(values.get(name) ?? []).slice(1)]);
  }
  const pairs: string[] = [];
  for (const name of [...values.keys()].sort())
    for (const value of values.get(name)!) pairs.push(`${escapeQuery(name)}=${escapeQuery(value)}`);
  return pairs.join('&');
}

const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** All but letters, digits and `-_.~`. */
function escapeAll(text: string): string {
  const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
  return encodeURIComponent(whole).replace(/[!'()*]/g, hex);
}

const escapeQuery = (text: string) => escapeAll(text).replace(/%20/g, '+');

const escapePath = (text: string) =>
  escapeAll(text).replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent);

/** What cannot stand in a host is escaped, so that `user@host` and `host?x` are no address of something else: such a URL cannot be asked. */
const escapeHost = (text: string) => text.replace(/[\0- "#%/<>?@\\^`{|}\x7f]/g, hex);
