import { BlockList, isIP } from 'node:net';
import type { ProxyOptions } from './http.js';

/** Chooses the proxy of a request, or `undefined` for none. */
export type ProxyChoice = (url: URL) => URL | undefined;

/**
 * Compiles how proxies are chosen. A proxy without exceptions takes every request; with exceptions, or from the environment, those to
 * this host itself go past it as well (Go's httpproxy, which Prometheus uses).
 */
export function compileProxy(options: ProxyOptions | undefined, env: NodeJS.ProcessEnv): ProxyChoice {
  const fixed = options?.url === undefined ? undefined : new URL(options.url);
  if (options?.fromEnvironment !== true && options?.noProxy === undefined) return () => fixed;
  const fromEnvironment = options.fromEnvironment === true;
  const isExempt = compileNoProxy(fromEnvironment ? variable(env, 'NO_PROXY') : options.noProxy!);
  const http = fromEnvironment ? environmentProxy(env, 'HTTP_PROXY') : fixed;
  const https = fromEnvironment ? environmentProxy(env, 'HTTPS_PROXY') : fixed;
  return (url) => (isExempt(url) ? undefined : url.protocol === 'https:' ? https : http);
}

const variable = (env: NodeJS.ProcessEnv, name: string) => env[name] ?? env[name.toLowerCase()] ?? '';

/** `proxy:3128` is as good as `http://proxy:3128`. What is no URL is no proxy. */
function environmentProxy(env: NodeJS.ProcessEnv, name: string): URL | undefined {
  const text = variable(env, name);
  if (text === '') return undefined;
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  return URL.canParse(url) && /^https?:/i.test(url) ? new URL(url) : undefined;
}

/** Tells whether a URL is excepted by a list: `*`, `host`, `.domain`, `1.2.3.4`, `10.0.0.0/8`, each perhaps with a port. */
function compileNoProxy(list: string): (url: URL) => boolean {
  const entries = list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '');
  if (entries.includes('*')) return () => true;
  const tests = entries.map(compileEntry);
  return (url) => {
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    return isOwn(host) || tests.some((test) => test(host, port));
  };
}

type Test = (host: string, port: string) => boolean;

function compileEntry(entry: string): Test {
  const [, address, bits] = /^(.*)\/(\d+)$/.exec(entry) ?? [];
  if (address !== undefined && isIP(address) !== 0) return inNetwork(address, Number(bits));
  const [, bare = entry, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  const host = bare.replace(/^\[|\]$/g, '');
  const samePort = (given: string) => port === undefined || port === given;
  if (isIP(host) !== 0) return (given, givenPort) => given === host && samePort(givenPort);
  // `domain` means itself and all below it, `.domain` and `*.domain` all below it.
  const below = host.replace(/^\*?\./, '');
  const alone = below === host;
  return (given, givenPort) =>
    samePort(givenPort) && (given.endsWith(`.${below}`) || (alone && given === below));
}

function inNetwork(address: string, bits: number): Test {
  const kind = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (bits > (kind === 'ipv6' ? 128 : 32)) return () => false;
  const network = new BlockList();
  network.addSubnet(address, bits, kind);
  return (host) => isIP(host) !== 0 && network.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

function isOwn(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
