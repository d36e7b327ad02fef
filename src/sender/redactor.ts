import { redactUrl, Secret } from '../lib/index.js';
import type { Destination } from './destination.js';

/** Takes the secrets of a destination out of a text. Receivers echo requests: VictoriaMetrics repeats the whole URI in its errors. */
type Redactor = (text: string) => string;

/** The redactor of a destination: its credentials, the values of its URL's query, and URLs of any kind. */
export function redactorOf({ url, http }: Destination): Redactor {
  const secrets = new Set<string>();
  const add = (secret: Secret | string | undefined) => {
    const text = secret instanceof Secret ? secret.reveal() : (secret ?? '');
    if (text !== '') for (const form of [text, encodeURIComponent(text)]) secrets.add(form);
  };
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  for (const value of parsed?.searchParams.values() ?? []) add(value);
  add(parsed?.password);
  add(decoded(parsed?.password));
  add(http.authorization?.credentials);
  add(http.basicAuth?.password);
  if (http.basicAuth?.password !== undefined)
    add(Buffer.from(`${http.basicAuth.username}:${http.basicAuth.password.reveal()}`).toString('base64'));
  for (const value of Object.values(http.headers ?? {})) if (value instanceof Secret) add(value);
  // Longest first: a secret may hold another one.
  const ordered = [...secrets].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of ordered) clean = clean.replaceAll(secret, '<secret>');
    return clean.replace(/https?:\/\/[^\s"'<>]+/g, (found) => redactUrl(found));
  };
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    return undefined; // A stray `%`: the text stands for itself.
  }
}
