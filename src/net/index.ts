export type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse, TlsOptions } from './http.js';
export type { Address, IpFamily, Resolver } from './resolver.js';
export { createHttpClient, createResolver } from './temporary.js';
