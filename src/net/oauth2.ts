import { SentinelError } from '../lib/index.js';
import type { HttpClient, HttpResponse, OAuth2Options } from './http.js';

/** A token is asked for again so long before it ends. */
const EARLY_MS = 10_000;
const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 2 ** 20;

interface Token {
  /** The value of the Authorization header. */
  header: string;
  /** On the monotonic clock; Infinity where the server gives no end. */
  endsMs: number;
  /** The secret that it was had for. */
  secret: string;
}

/** Tokens of an OAuth 2.0 server by client credentials (RFC 6749, section 4.4), kept until shortly before their end. */
export class TokenSource {
  readonly #options: OAuth2Options;
  readonly #client: HttpClient;
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;
  /** How the server wants the client to say who it is; found out by the first answer. */
  #inBody = false;

  /** `client` speaks with the token server. */
  constructor(options: OAuth2Options, client: HttpClient) {
    this.#options = options;
    this.#client = client;
  }

  /** The value of an Authorization header. Throws what went wrong with the token server; an aborted signal throws its reason, and the asking goes on for the next one. */
  async header(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const secret = this.#options.clientSecret.reveal();
    const token = this.#token;
    if (token !== undefined && token.secret === secret && performance.now() < token.endsMs)
      return token.header;
    this.#asking ??= this.#ask(secret).finally(() => {
      this.#asking = undefined;
    });
    return (await unlessAborted(this.#asking, signal)).header;
  }

  /** Closes kept connections. */
  close(): void {
    this.#client.close();
  }

  async #ask(secret: string): Promise<Token> {
    const { tokenUrl } = this.#options;
    let answer = await this.#post(secret);
    if (answer.status >= 400 && answer.status < 500 && !this.#inBody) {
      // Some servers know only one of the two ways (RFC 6749, section 2.3.1).
      const second = await this.#post(secret, true);
      this.#inBody = second.status === 200;
      if (this.#inBody) answer = second;
    }
    try {
      this.#token = tokenOf(answer, secret);
    } catch (error) {
      throw new SentinelError('SEN_NET', `cannot get an OAuth 2.0 token from ${new URL(tokenUrl).host}`, {
        cause: error,
      });
    }
    return this.#token;
  }

  #post(secret: string, inBody = this.#inBody): Promise<HttpResponse> {
    const { clientId, scopes, endpointParams, tokenUrl } = this.#options;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    for (const [name, value] of Object.entries(endpointParams)) form.set(name, value);
    if (inBody) {
      form.set('client_id', clientId);
      form.set('client_secret', secret);
    }
    const user = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
    return this.#client.request({
      method: 'POST',
      url: tokenUrl,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...(!inBody && { authorization: `Basic ${Buffer.from(user).toString('base64')}` }),
      },
      body: Buffer.from(form.toString()),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      maxBodyBytes: MAX_ANSWER_BYTES,
    });
  }
}

/** Never shows the answer itself: it may hold the token. */
function tokenOf(answer: HttpResponse, secret: string): Token {
  if (answer.status !== 200) throw new Error(`the server answered HTTP status ${answer.status}`);
  let fields: { access_token?: unknown; token_type?: unknown; expires_in?: unknown };
  try {
    fields = JSON.parse(answer.body.toString('utf8')) as typeof fields;
  } catch {
    throw new Error('the answer is no JSON');
  }
  const { access_token: text, token_type: type, expires_in: expiresIn } = fields ?? {};
  if (typeof text !== 'string' || text === '' || /[^\x21-\x7e]/.test(text))
    throw new Error('the answer holds no access_token');
  const scheme =
    typeof type === 'string' && !/^bearer$/i.test(type) && /^[A-Za-z-]+$/.test(type) ? type : 'Bearer';
  const seconds = Number(expiresIn);
  const endsMs = seconds > 0 ? performance.now() + seconds * 1000 - EARLY_MS : Infinity;
  return { header: `${scheme} ${text}`, endsMs, secret };
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
