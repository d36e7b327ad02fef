import { X509Certificate } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type Clock, SentinelError } from '../lib/index.js';
import { WatchedFile } from '../net/index.js';
import type { ServerTlsOptions } from './options.js';

/** What the HTTPS server shows of itself and asks of its clients, as the files are now. */
export class Certificates {
  readonly #cert: WatchedFile;
  readonly #key: WatchedFile;
  readonly #ca: WatchedFile | undefined;
  #versions = '';
  #own: X509Certificate | undefined;

  constructor({ certFile, keyFile, clientCaFile }: ServerTlsOptions, clock: Clock) {
    this.#cert = new WatchedFile(certFile, clock);
    this.#key = new WatchedFile(keyFile, clock);
    this.#ca = clientCaFile === undefined ? undefined : new WatchedFile(clientCaFile, clock);
  }

  /** Whether a file changed since `current` was last asked. */
  haveChanged(): boolean {
    for (const file of this.#files()) file.refresh();
    return this.#versionsNow() !== this.#versions;
  }

  /** The options of a server. Throws SEN_TLS where a file cannot be read, holds no certificate, or does not fit the others. */
  current(): ServerOptions {
    for (const file of this.#files()) file.refresh();
    this.#versions = this.#versionsNow();
    const broken = this.#files().find(({ error }) => error !== undefined);
    if (broken !== undefined)
      throw new SentinelError('SEN_TLS', `cannot read "${broken.path}"`, { cause: broken.error });
    const options: ServerOptions = {
      cert: this.#cert.text,
      key: this.#key.text,
      minVersion: 'TLSv1.2',
      ...(this.#ca === undefined ? {} : { ca: this.#ca.text, requestCert: true, rejectUnauthorized: true }),
    };
    try {
      createSecureContext(options);
      this.#own = new X509Certificate(this.#cert.text);
    } catch (error) {
      const paths = this.#files().map(({ path }) => path);
      throw new SentinelError('SEN_TLS', `cannot use ${paths.join(', ')}`, { cause: error });
    }
    return options;
  }

  /** Whether the own certificate was made out to this name. */
  isFor(name: string): boolean {
    return this.#own?.checkHost(name) !== undefined;
  }

  #files(): WatchedFile[] {
    return [this.#cert, this.#key, ...(this.#ca === undefined ? [] : [this.#ca])];
  }

  #versionsNow(): string {
    return this.#files()
      .map(({ version }) => version)
      .join();
  }
}
