interface Cookie {
  value: string;
  secure: boolean;
}

/**
 * Cookies of one run, so that a site that sets one and redirects to itself does not redirect for ever. They go back only to the very host that set
 * them: `Domain` and `Path` (RFC 6265) would let a cookie travel further, and a probe does not need that.
 */
export class Cookies {
  readonly #hosts = new Map<string, Map<string, Cookie>>();

  /** Takes in what an answer sets. */
  learn(url: URL, headers: readonly string[] | undefined): void {
    for (const header of headers ?? []) {
      const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
      const at = pair.indexOf('=');
      if (at <= 0) continue;
      const words = attributes.map((attribute) => attribute.toLowerCase());
      const cookies = this.#hosts.get(url.hostname) ?? new Map<string, Cookie>();
      this.#hosts.set(url.hostname, cookies);
      if (words.some((word) => /^max-age=(-|0$)/.test(word))) cookies.delete(pair.slice(0, at));
      else cookies.set(pair.slice(0, at), { value: pair.slice(at + 1), secure: words.includes('secure') });
    }
  }

  /** The `Cookie` header for a request, if there is one to send. */
  header(url: URL): string | undefined {
    const cookies = [...(this.#hosts.get(url.hostname) ?? [])].filter(
      ([, cookie]) => !cookie.secure || url.protocol === 'https:',
    );
    return cookies.length === 0
      ? undefined
      : cookies.map(([name, { value }]) => `${name}=${value}`).join('; ');
  }
}
