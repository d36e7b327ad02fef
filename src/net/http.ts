import type { Secret } from '../lib/index.js';

/** The `tls_config` of Prometheus (all paths absolute). */
export interface TlsOptions {
  /** PEM, in place of the file. */
  ca?: string | undefined;
  cert?: string | undefined;
  key?: Secret | undefined;
  caFile?: string | undefined;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  serverName?: string | undefined;
  insecureSkipVerify?: boolean | undefined;
  minVersion?: 'TLS10' | 'TLS11' | 'TLS12' | 'TLS13' | undefined;
  maxVersion?: 'TLS10' | 'TLS11' | 'TLS12' | 'TLS13' | undefined;
}

/** Which proxy requests go through. */
export interface ProxyOptions {
  url?: string | undefined;
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide. */
  fromEnvironment?: boolean | undefined;
  /** Hosts that are spoken with directly. */
  noProxy?: string | undefined;
  /** Sent with a CONNECT. */
  connectHeaders?: Readonly<Record<string, readonly Secret[]>> | undefined;
}

/** Prometheus's `oauth2`: client credentials (RFC 6749, section 4.4). */
export interface OAuth2Options {
  clientId: string;
  clientSecret: Secret;
  tokenUrl: string;
  scopes: readonly string[];
  endpointParams: Readonly<Record<string, string>>;
  tls?: TlsOptions | undefined;
  proxy?: ProxyOptions | undefined;
}

/** How to speak HTTP with one peer; compiled once from the configuration. */
export interface HttpClientOptions {
  basicAuth?: { username: string | Secret; password: Secret | undefined } | undefined;
  /** `Authorization: <type> <credentials>`; a bearer token is type `Bearer`. */
  authorization?: { type: string; credentials: Secret } | undefined;
  oauth2?: OAuth2Options | undefined;
  tls?: TlsOptions | undefined;
  proxy?: ProxyOptions | undefined;
  /** Sent with every request; secret values are wrapped. Several values of a name are several lines. */
  headers?: Readonly<Record<string, string | Secret | readonly Secret[]>> | undefined;
  /** `same_peer`: those to another host, or from https to http, are given back as they are; for requests that carry a secret themselves. */
  followRedirects?: boolean | 'same_peer' | undefined;
  /** Keep connections for the next request. */
  keepAlive: boolean;
  /** Connections open at once to one host and port; without it 16, and further requests wait. */
  maxConnections?: number | undefined;
}

/** One request. */
export interface HttpRequest {
  method: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array;
  /** A Unix socket to connect to, in place of host and port; proxies are passed by. */
  socketPath?: string;
  /** Bounds connect, headers and body together. */
  signal: AbortSignal;
  /** Bytes of the decompressed body at most; a longer one is SEN_LIMIT. */
  maxBodyBytes: number;
  /** Told of how many bytes the body holds, decompressed ones among them, before they are kept; `false` is SEN_LIMIT too. */
  hold?: (bytes: number) => boolean;
  /** Told when the last byte of a body has come: what follows is work of ours, and no fault of the peer when it takes long. */
  onReceived?: () => void;
  /** Given, the body of an answer with another status is not read: it is empty. */
  bodyOfStatus?: number;
  /** Decompress what is encoded as exactly `gzip`, and give every other body as it came (scraping, as Prometheus does it). */
  onlyGzip?: boolean;
}

/** A whole answer. */
export interface HttpResponse {
  status: number;
  statusText: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Decompressed (gzip, deflate; see `onlyGzip`). */
  body: Buffer;
  /** Where the answer came from after redirects. */
  url: string;
}

/** The one HTTP client, used by everyone who speaks HTTP with a configured peer. */
export interface HttpClient {
  /**
   * Sends one request and reads the whole answer, whatever its status. Throws SEN_RESOLVE, SEN_NET, SEN_TLS or SEN_LIMIT; the cause keeps the
   * system's code (`ECONNREFUSED`). An aborted signal throws its reason. A POST is never turned into a GET: 301-303 are given back as they are,
   * 307 and 308 are sent again, without credentials when the host differs.
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Closes kept connections. */
  close(): void;
}
