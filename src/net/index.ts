export type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse, TlsOptions } from './http.js';
export type { Address, IpFamily, Resolver } from './resolver.js';
export { createResolver, type ResolverOptions } from './system-resolver.js';
