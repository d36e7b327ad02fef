import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A key and the certificate for it, as files and as text. */
interface Pair {
  certFile: string;
  keyFile: string;
  cert: string;
  key: string;
}

/** A certificate authority of a test, in a folder of its own; made by the `openssl` program. */
export class Authority {
  readonly #directory: string;
  readonly caFile: string;

  constructor(directory: string, name = 'Test CA') {
    this.#directory = directory;
    this.caFile = this.#path('ca.pem');
    run(
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
      [
        ['-keyout', this.#path('ca.key')],
        ['-out', this.caFile],
        ['-subj', `/O=Sentinel/CN=${name}`],
      ],
    );
  }

  /** Its own certificate, PEM. */
  get caText(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  /** Issues a certificate. `names` as openssl writes them: `DNS:localhost,IP:127.0.0.1`. */
  issue(file: string, names: string, days = 10): Pair {
    const [keyFile, request, certFile, extensions] = ['key', 'csr', 'pem', 'ext'].map((end) =>
      this.#path(`${file}.${end}`),
    ) as [string, string, string, string];
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    run(
      ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      [
        ['-keyout', keyFile],
        ['-out', request],
        ['-subj', `/O=Sentinel/CN=${file}`],
      ],
    );
    run(
      ['x509', '-req', '-CAcreateserial'],
      [
        ['-in', request],
        ['-CA', this.caFile],
        ['-CAkey', this.#path('ca.key')],
        ['-extfile', extensions],
        ['-days', String(days)],
        ['-out', certFile],
      ],
    );
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }

  #path(file: string): string {
    return join(this.#directory, file);
  }
}

function run(start: readonly string[], options: readonly (readonly [string, string])[]): void {
  execFileSync('openssl', [...start, ...options.flat()], { stdio: 'pipe' });
}
