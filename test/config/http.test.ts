import assert from 'node:assert/strict';
import test from 'node:test';
import { Authority } from '../net/certificates.js';
import { faults, inFolder, load } from './fixture.js';

test('http: who may be asked for beyond loopback', async () => {
  await inFolder({}, async (folder) => {
    const authority = new Authority(folder);
    const { certFile, keyFile } = authority.issue('server', 'DNS:x');
    const tls = `cert_file: ${certFile}, key_file: ${keyFile}`;
    const f = async (keys: string, want: RegExp | undefined) => {
      const lines = await faults(`http: {listen: ":9872", ${keys}}`);
      if (want === undefined) assert.deepEqual(lines, [], keys);
      else assert.match(lines.join('\n'), want, keys);
    };
    const beyond = /^1:16: http\.listen: listening beyond loopback without asking who it is/m;
    await f('basic_auth: {username: op, password: x}', undefined);
    await f(`tls: {${tls}, client_ca_file: ${authority.caFile}}`, undefined);
    // a certificate of the server alone asks for nobody
    await f(`tls: {${tls}}`, beyond);
    await f('basic_auth: {}, tls: {}', beyond);
  });
});

test('http: what does not fit together is refused, at its key', async () => {
  await inFolder({ pem: 'no certificate' }, async (folder) => {
    const authority = new Authority(folder);
    const [one, other] = [authority.issue('one', 'DNS:x'), authority.issue('other', 'DNS:x')];
    const f = async (keys: string, ...want: RegExp[]) => {
      const lines = await faults(`http: {${keys}}`);
      assert.equal(lines.length, want.length, lines.join('\n'));
      for (const [i, pattern] of want.entries()) assert.match(lines[i]!, pattern);
    };
    await f('basic_auth: {username: op}', /basic_auth\.username: username needs password/);
    await f('basic_auth: {password: x}', /basic_auth\.password: password needs username/);
    await f(
      'basic_auth: {password_file: x}',
      /password_file: password_file needs username/,
      /password_file: cannot read "x"/,
    );
    await f('basic_auth: {username: "a:b", password: x}', /username: expected a text without a colon/);
    await f(
      'basic_auth: {username: a, password: x, password_file: y}',
      /either password or password_file/,
      /cannot read "y"/,
    );
    await f(`tls: {cert_file: ${one.certFile}}`, /cert_file: cert_file needs key_file/);
    await f(`tls: {key_file: ${one.keyFile}}`, /key_file: key_file needs cert_file/);
    await f(`tls: {client_ca_file: ${authority.caFile}}`, /client_ca_file: client_ca_file needs cert_file/);
    await f(
      `tls: {cert_file: nowhere, key_file: ${one.keyFile}}`,
      /cert_file: cannot read "nowhere": ENOENT/,
    );
    await f(
      `tls: {cert_file: ${one.certFile}, key_file: ${other.keyFile}}`,
      /http\.tls: the certificates cannot be used: .*key/,
    );
    await f(
      `tls: {cert_file: ${folder}/pem, key_file: ${one.keyFile}}`,
      /http\.tls: the certificates cannot be used/,
    );
  });
});

test('http: a password in a file, and a warning where it crosses a network', async () => {
  const text = (listen: string) =>
    `http: {listen: "${listen}", basic_auth: {username: op, password_file: p}}`;
  const config = await load(text('127.0.0.1:9872'), {}, { p: 'hunter2\n' });
  assert.equal(config.http.basicAuth?.password.reveal(), 'hunter2');
  assert.deepEqual(config.warnings, []);
  const open = await load(text('0.0.0.0:9872'), {}, { p: 'hunter2\n' });
  assert.match(
    open.warnings.join(),
    /http\.basic_auth: the password crosses the network unencrypted; set http\.tls/,
  );
});
