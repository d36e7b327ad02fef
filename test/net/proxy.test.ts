import assert from 'node:assert/strict';
import test from 'node:test';
import type { ProxyOptions } from '../../src/net/http.js';
import { compileProxy } from '../../src/net/proxy.js';

function f(
  options: ProxyOptions,
  env: NodeJS.ProcessEnv,
  want: Readonly<Record<string, string | undefined>>,
): void {
  const choose = compileProxy(options, env);
  for (const [url, proxy] of Object.entries(want)) assert.equal(choose(new URL(url))?.host, proxy, url);
}

test('proxy: one that is named takes everything', () => {
  f({ url: 'http://p:1' }, { HTTP_PROXY: 'http://q:2' }, { 'http://a/': 'p:1', 'https://127.0.0.1/': 'p:1' });
  f({}, { HTTP_PROXY: 'http://q:2' }, { 'http://a/': undefined });
});

test('proxy: no_proxy names hosts, domains, networks and ports; this host is never meant', () => {
  const noProxy =
    'plain.net, .below.net,*.star.net,10.0.0.0/8,192.168.1.1,fd00::/8,[fd01::1]:80,port.net:8080';
  f(
    { url: 'http://p:1', noProxy },
    {},
    {
      'http://plain.net/': undefined,
      'http://a.plain.net/': undefined,
      'http://aplain.net/': 'p:1',
      'http://below.net/': 'p:1',
      'http://a.below.net/': undefined,
      'http://a.star.net/': undefined,
      'http://star.net/': 'p:1',
      'http://10.1.2.3/': undefined,
      'http://11.1.2.3/': 'p:1',
      'http://192.168.1.1:99/': undefined,
      'http://[fd00::5]/': undefined,
      'http://port.net:8080/': undefined,
      'http://port.net/': 'p:1',
      'http://PLAIN.net./': undefined,
      'http://localhost/': undefined,
      'http://127.0.0.9/': undefined,
      'http://[::1]/': undefined,
    },
  );
  f({ url: 'http://p:1', noProxy: '*' }, {}, { 'http://a/': undefined });
});

test('proxy: from the environment, by the scheme', () => {
  const env = { HTTP_PROXY: 'p:1', https_proxy: 'https://s:2', NO_PROXY: 'direct' };
  const want = {
    'http://a/': 'p:1',
    'https://a/': 's:2',
    'http://direct/': undefined,
    'http://localhost/': undefined,
  };
  f({ fromEnvironment: true }, env, want);
  f({ fromEnvironment: true }, {}, { 'http://a/': undefined });
});
