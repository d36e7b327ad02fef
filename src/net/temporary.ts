// Only until src/net is merged: the branch that writes it replaces this file and the two lines of index.ts.
import { isIP } from 'node:net';
import { SentinelError } from '../lib/index.js';
import type { HttpClient, HttpClientOptions } from './http.js';
import type { Resolver } from './resolver.js';

/** Literals only. */
export function createResolver(): Resolver {
  return {
    resolve: async (name) => {
      const family = isIP(name === 'localhost' ? '127.0.0.1' : name);
      if (family === 0) throw new SentinelError('SEN_RESOLVE', `cannot resolve "${name}": ENOTFOUND`);
      return [{ address: name === 'localhost' ? '127.0.0.1' : name, family: family as 4 | 6 }];
    },
    close: () => {},
  };
}

/** None. */
export function createHttpClient(_options: HttpClientOptions, _resolver: Resolver): HttpClient {
  return { request: () => Promise.reject(new SentinelError('SEN_NET', 'not merged')), close: () => {} };
}
