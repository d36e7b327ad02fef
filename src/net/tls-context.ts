import { existsSync } from 'node:fs';
import { createSecureContext, DEFAULT_CIPHERS, type SecureContext, type SecureVersion } from 'node:tls';
import { SentinelError, systemClock } from '../lib/index.js';
import type { TlsOptions } from './http.js';
import { WatchedFile } from './watched-file.js';

/** What a TLS client needs of its configuration: the certificates and versions, as the files are now. */
export interface TlsContext {
  /** The same object until a file changed. Throws SEN_TLS where a file cannot be read or holds no certificate. */
  current(): SecureContext;
}

/** Where systems keep the certificates they trust; `SSL_CERT_FILE` comes first, as with OpenSSL and Go. Node would only know those it was built with. */
const TRUST_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const VERSIONS: Readonly<Record<NonNullable<TlsOptions['minVersion']>, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
};

/** A context costs some 15 ms and 1 MB where it holds all certificates of a system, so that equal configurations share one. Bounded: see below. */
const shared = new Map<string, TlsContext>();
const MAX_SHARED = 256;

/** The context of a `tls_config`. Reads nothing until it is first used. */
export function createTlsContext(options: TlsOptions): TlsContext {
  const key = JSON.stringify([
    options.insecureSkipVerify === true,
    options.ca,
    options.cert,
    options.key?.reveal(),
    options.caFile,
    options.certFile,
    options.keyFile,
    options.minVersion,
    options.maxVersion,
  ]);
  let context = shared.get(key);
  if (context === undefined) {
    if (shared.size >= MAX_SHARED) shared.clear();
    context = new FileTlsContext(options);
    shared.set(key, context);
  }
  return context;
}

class FileTlsContext implements TlsContext {
  readonly #options: TlsOptions;
  readonly #ca: WatchedFile | undefined;
  readonly #cert: WatchedFile | undefined;
  readonly #key: WatchedFile | undefined;
  #versions = '';
  #context: SecureContext | undefined;

  constructor(options: TlsOptions) {
    this.#options = options;
    const trusted = options.caFile ?? (options.insecureSkipVerify === true ? undefined : trustFile());
    this.#ca = watched(options.ca === undefined ? trusted : undefined);
    this.#cert = watched(options.certFile);
    this.#key = watched(options.keyFile);
  }

  current(): SecureContext {
    const files = [this.#ca, this.#cert, this.#key].filter((file) => file !== undefined);
    for (const file of files) file.refresh();
    const versions = [...files.map((file) => file.version), this.#options.key?.reveal()].join();
    if (this.#context === undefined || versions !== this.#versions) {
      const broken = files.find((file) => file.error !== undefined);
      if (broken !== undefined)
        throw new SentinelError('SEN_TLS', `cannot read "${broken.path}"`, { cause: broken.error });
      this.#context = this.#create();
      this.#versions = versions;
    }
    return this.#context;
  }

  #create(): SecureContext {
    const ca = this.#options.ca ?? this.#ca?.text;
    const cert = this.#options.cert ?? this.#cert?.text;
    const key = this.#options.key?.reveal() ?? this.#key?.text;
    const { insecureSkipVerify, minVersion = 'TLS12', maxVersion = 'TLS13' } = this.#options;
    // OpenSSL 3 speaks TLS 1.0 and 1.1 only at security level 0.
    const old = minVersion === 'TLS10' || minVersion === 'TLS11';
    try {
      return createSecureContext({
        minVersion: VERSIONS[minVersion],
        maxVersion: VERSIONS[maxVersion],
        // Without the key, Node takes its built-in list; an empty list is nobody.
        ...(ca !== undefined ? { ca } : insecureSkipVerify === true ? { ca: [] } : {}),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(old ? { ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=0` } : {}),
      });
    } catch (error) {
      const names = [this.#ca, this.#cert, this.#key].flatMap((file) => file?.path ?? []).join(', ');
      const of = names === '' ? 'tls_config' : names;
      throw new SentinelError('SEN_TLS', `cannot use the certificates of ${of}`, { cause: error });
    }
  }
}

function watched(path: string | undefined): WatchedFile | undefined {
  return path === undefined ? undefined : new WatchedFile(path, systemClock);
}

function trustFile(): string | undefined {
  const named = process.env.SSL_CERT_FILE;
  return named !== undefined && named !== '' ? named : TRUST_FILES.find((path) => existsSync(path));
}
