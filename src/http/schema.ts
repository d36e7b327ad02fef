import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { errorLine, type Fault, field, type Output } from '../lib/index.js';
import { isLocal, tryParseListen } from './listen.js';
import type { HttpOptions, ServerTlsOptions } from './options.js';

const FORM = 'expected host:port, unix:/path with an absolute path, or "" for off';

const tlsSection = field.section(
  'Serves HTTPS. The files are read again when they change.',
  {
    cert_file: field.file('Certificate of this server, PEM, with those between it and its root.', {
      optional: true,
      example: '/etc/sentinel/server.crt',
    }),
    key_file: field.file('Key of the certificate, PEM.', {
      optional: true,
      example: '/etc/sentinel/server.key',
    }),
    client_ca_file: field.file(
      'Clients must show a certificate that one of these has signed, PEM; without it nobody is asked for one.',
      { optional: true, example: '/etc/sentinel/clients-ca.crt' },
    ),
  },
  {
    default: {},
    rules: (keys) => [
      ...needs(keys, 'cert_file', 'key_file'),
      ...needs(keys, 'key_file', 'cert_file'),
      ...needs(keys, 'client_ca_file', 'cert_file'),
    ],
  },
);

const basicAuthSection = field.section(
  'Who may ask: for everything but /-/healthy. The control socket in the data directory asks nobody.',
  {
    username: field.text('User name.', {
      optional: true,
      pattern: /^[^:]+$/,
      what: 'a text without a colon',
      example: 'operator',
    }),
    password: field.secret('Password.', { optional: true, example: '${HTTP_PASSWORD}' }),
  },
  {
    default: {},
    rules: (keys) =>
      keys.password === undefined && keys.password_file !== undefined
        ? needs(keys, 'password_file', 'username')
        : [...needs(keys, 'password', 'username'), ...needs(keys, 'username', 'password')],
  },
);

/** The `http` section. */
export const httpSection = field.section(
  "The agent's own pages: status, health, metrics, results.",
  {
    listen: field.refine(
      field.text(
        'host:port, or unix:/path; "" turns it off. Beyond loopback only with `basic_auth` or `tls.client_ca_file`.',
        { default: '127.0.0.1:9872', empty: true },
      ),
      (listen) =>
        listen === '' || tryParseListen(listen) !== undefined ? [] : [{ path: [], message: FORM }],
    ),
    tls: tlsSection,
    basic_auth: basicAuthSection,
  },
  { default: {}, rules: reachRules },
);

function needs(keys: Readonly<Record<string, unknown>>, one: string, other: string): Fault[] {
  return keys[one] === undefined || keys[other] !== undefined
    ? []
    : [{ path: [one], message: `${one} needs ${other}` }];
}

/** Whoever can reach the pages can read them (DESIGN 10), so beyond this host somebody must be asked for. */
function reachRules(keys: Readonly<Record<string, unknown>>): Fault[] {
  const { listen, tls, basic_auth } = keys as {
    listen?: unknown;
    tls?: { client_ca_file?: unknown };
    basic_auth?: object;
  };
  const place = typeof listen === 'string' ? tryParseListen(listen) : undefined;
  const asks = Object.keys(basic_auth ?? {}).length > 0 || tls?.client_ca_file !== undefined;
  if (place === undefined || isLocal(place) || asks) return [];
  const cure =
    'set http.basic_auth or http.tls.client_ca_file, or use 127.0.0.1:PORT, [::1]:PORT or unix:/path';
  return [
    { path: ['listen'], message: `listening beyond loopback without asking who it is is refused; ${cure}` },
  ];
}

/** Compiles the section; files are taken relative to `directory`. Secrets must have been read. */
export function httpOptions(keys: Output<typeof httpSection>, directory: string): HttpOptions {
  const { username, password } = keys.basic_auth;
  const { cert_file, key_file, client_ca_file } = keys.tls;
  return {
    listen: keys.listen,
    basicAuth: username === undefined || password === undefined ? undefined : { username, password },
    tls:
      cert_file === undefined || key_file === undefined
        ? undefined
        : {
            certFile: resolve(directory, cert_file),
            keyFile: resolve(directory, key_file),
            clientCaFile: client_ca_file === undefined ? undefined : resolve(directory, client_ca_file),
          },
  };
}

/** What is wrong with certificate, key and CA, each of which can be read; nothing when a server can use them. Sync: only while a configuration is loaded. */
export function tlsFault({ certFile, keyFile, clientCaFile }: ServerTlsOptions): string | undefined {
  const texts = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])].map(tryRead);
  const [cert, key, ca] = texts;
  // A file that cannot be read is said at its own key.
  if (cert === undefined || key === undefined || texts.includes(undefined)) return undefined;
  try {
    createSecureContext({ cert, key, ...(ca !== undefined && { ca }) });
    return undefined;
  } catch (error) {
    return `the certificates cannot be used: ${errorLine(error)}`;
  }
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // Said elsewhere.
  }
}

/** Whether passwords would cross a network that others may read. */
export function isExposed({ listen, basicAuth, tls }: HttpOptions): boolean {
  const place = tryParseListen(listen);
  return place !== undefined && !isLocal(place) && basicAuth !== undefined && tls === undefined;
}
