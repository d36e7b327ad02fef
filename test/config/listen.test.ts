import assert from 'node:assert/strict';
import test from 'node:test';
import { faults } from './fixture.js';

test('http.listen: this host only, unless somebody is asked for', async () => {
  const f = async (listen: string, want: RegExp | undefined) => {
    const lines = await faults(`http: {listen: ${JSON.stringify(listen)}}`);
    if (want === undefined) assert.deepEqual(lines, [], listen);
    else assert.match(lines.join('\n'), want, listen);
  };
  const beyond = /beyond loopback without asking/;
  const form = /expected host:port/;
  // off, loopback, a socket
  await f('', undefined);
  await f('127.0.0.1:9872', undefined);
  await f('127.255.0.1:0', undefined);
  await f('localhost:65535', undefined);
  await f('[::1]:80', undefined);
  await f('unix:/run/s.sock', undefined);
  // others could reach it
  await f('0.0.0.0:80', beyond);
  await f(':80', beyond);
  await f('[::]:80', beyond);
  await f('192.0.2.1:80', beyond);
  await f('127.0.0.256:80', beyond);
  await f('127.0.0.1.example.com:80', beyond);
  await f('localhost.example.com:80', beyond);
  // no place at all
  await f('9872', form);
  await f('127.0.0.1', form);
  await f('127.0.0.1:', form);
  await f('127.0.0.1:65536', form);
  await f('127.0.0.1:x', form);
  await f('::1:80', form);
  await f('http://127.0.0.1:80', form);
  await f('unix:', form);
  await f('unix:s.sock', form);
  await f('unix:/run/', form);
});
