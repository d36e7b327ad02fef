import assert from 'node:assert/strict';
import test from 'node:test';
import { parseResolvConf } from '../../src/net/resolv-conf.js';

test('resolv.conf', () => {
  const f = (text: string, want: Partial<ReturnType<typeof parseResolvConf>>) =>
    assert.deepEqual(parseResolvConf(text), {
      servers: ['127.0.0.1'],
      search: [],
      ndots: 1,
      timeoutMs: 2000,
      attempts: 2,
      ...want,
    });

  // nothing: this host
  f('', {});
  // comments, also behind a value
  f('# a\n; b\nnameserver 10.0.0.1 # vrf mgmt\nnameserver 10.0.0.2;x\n', {
    servers: ['10.0.0.1', '10.0.0.2'],
  });
  // IPv6 with a zone, ports
  f('nameserver fe80::1%eth0\nnameserver 127.0.0.1:53\nnameserver [::1]:5353', {
    servers: ['fe80::1%eth0', '127.0.0.1:53', '[::1]:5353'],
  });
  // what is no address is passed over
  f('nameserver ns.example\nnameserver\n', {});
  // nor is a port that is none: c-ares ends the process for port 0
  f('nameserver 10.0.0.1:0\nnameserver [::1]:65536\nnameserver 10.0.0.1:65535', {
    servers: ['10.0.0.1:65535'],
  });
  // the last of search and domain wins; a dot at the end says nothing
  f('domain a.example\nsearch b.example. c.example\n', { search: ['b.example', 'c.example'] });
  f('search .\n', { search: [] });
  // options, within the bounds of the manual
  f('options ndots:5 timeout:1 attempts:3 rotate edns0\n', { ndots: 5, timeoutMs: 1000, attempts: 3 });
  f('options ndots:99 timeout:0 attempts:99 ndots:x\n', { ndots: 15, timeoutMs: 1000, attempts: 5 });
  // line ends of another system
  f('nameserver 10.0.0.1\r\nsearch x\r\n', { servers: ['10.0.0.1'], search: ['x'] });
});
