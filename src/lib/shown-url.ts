/** Names of labels and parameters whose value is masked. */
const SENSITIVE =
  /pass(?![a-z])|pass(?:word|wd|phrase)|secret|token|credential|bearer|jwt|signature|assertion|authorization|(?:api|access|auth|private)[-_]?key|(?:^|_param_)(?:key|sig|auth)$/i;

/** Whether a label or a parameter of this name is taken for a secret. */
export function isSensitive(name: string): boolean {
  return SENSITIVE.test(name);
}

/** A scrape URL for people: its parameters say what is probed, so that only those are masked that are called like secrets, and what is secret in a URL among them. */
export function shownUrl(url: string): string {
  return url
    .replace(/\/\/[^/?#]*(?:@|%40)/, '//<secret>@')
    .replace(/([?&])([^=&#]*)=([^&#]*)/g, (_, mark: string, name: string, value: string) => {
      return `${mark}${name}=${isSensitive(name) ? '<secret>' : shownParameter(value)}`;
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
