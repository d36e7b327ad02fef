export type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse, TlsOptions } from './http.js';
export { createHttpClient } from './node-http-client.js';
export type { Address, DnsRecord, DnsResolver, IpFamily, Resolver } from './resolver.js';
export { createResolver } from './system-resolver.js';
export { createTlsContext, type TlsContext } from './tls-context.js';
export { WatchedFile } from './watched-file.js';
