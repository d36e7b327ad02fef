import { redactUrl, Secret } from '../lib/index.js';
import type { Destination } from './destination.js';

/** Takes the secrets of a destination out of a text. Receivers echo requests: VictoriaMetrics repeats the whole URI in its errors. */
type Redactor = (text: string) => string;

/** The redactor of a destination: its credentials, the values of its URL's query, and URLs of any kind. Of secrets in files it knows the present texts and those of its last use: a receiver may still speak of these. */
export function redactorOf(destination: Destination): Redactor {
  let before = secretsOf(destination);
  return (text) => {
    const now = secretsOf(destination);
    // Longest first: a secret may hold another one.
    const ordered = [...new Set([...now, ...before])].sort((a, b) => b.length - a.length);
    before = now;
    let clean = text;
    for (const secret of ordered) clean = clean.replaceAll(secret, '<secret>');
    return clean.replace(/https?:\/\/[^\s"'<>]+/g, (found) => redactUrl(found));
  };
}

function secretsOf({ url, http }: Destination): Set<string> {
  const secrets = new Set<string>();
  const add = (secret: Secret | string | undefined) => {
    const text = textOf(secret);
    if (text !== '') for (const form of [text, encodeURIComponent(text)]) secrets.add(form);
  };
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  for (const value of parsed?.searchParams.values() ?? []) add(value);
  add(parsed?.password);
  add(decoded(parsed?.password));
  add(http.authorization?.credentials);
  const { basicAuth } = http;
  add(basicAuth?.password);
  if (basicAuth?.password !== undefined)
    add(Buffer.from(`${textOf(basicAuth.username)}:${textOf(basicAuth.password)}`).toString('base64'));
  for (const value of Object.values(http.headers ?? {})) if (value instanceof Secret) add(value);
  return secrets;
}

const textOf = (secret: Secret | string | undefined): string =>
  secret instanceof Secret ? secret.reveal() : (secret ?? '');

function decoded(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    return undefined; // A stray `%`: the text stands for itself.
  }
}
