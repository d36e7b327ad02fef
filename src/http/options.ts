import type { Secret } from '../lib/index.js';

/** The `http` section, compiled. */
export interface HttpOptions {
  /** `host:port`, `[::1]:port`, `:port` or `unix:/path`; empty = off. */
  listen: string;
  /** Whom the server is for; `undefined` = everybody who reaches it. */
  basicAuth: Credentials | undefined;
  /** `undefined` = plain HTTP. */
  tls: ServerTlsOptions | undefined;
}

/** A user name and a password. */
export interface Credentials {
  username: string;
  password: Secret;
}

/** Certificate, key, and who must have signed a client's certificate; PEM files, absolute paths. */
export interface ServerTlsOptions {
  certFile: string;
  keyFile: string;
  clientCaFile: string | undefined;
}
