import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Resolver, Result } from '../../../src/sdk/index.js';
import { field, sdk } from '../../../src/sdk/index.js';
import plugin from '../index.js';

/** Every name below `.example` and `localhost` is 127.0.0.1; `nowhere.example` does not exist. */
export const testResolver: Resolver = {
  async resolve(name, family) {
    if (/^[\d.]+$/.test(name) || name.includes(':')) {
      const v6 = name.includes(':');
      if (v6 ? family === 'ip4' : family === 'ip6')
        throw new Error(`cannot resolve "${name}": not this family`);
      return [{ address: name, family: v6 ? 6 : 4 }];
    }
    if (name === 'nowhere.example' || family === 'ip6')
      throw new Error(`cannot resolve "${name}": no such name`);
    return [{ address: '127.0.0.1', family: 4 }];
  },
  close: () => undefined,
};

/** The plugin under test. */
export const definition = plugin(sdk);

/** Reads options as the configuration does; the issues as text where there are any. */
export function readConfig(written: Record<string, unknown>) {
  const checked = field.check(definition.config, written);
  if (checked.issues === undefined) return checked.value;
  throw new Error(checked.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'));
}

/** One run of a task with these options. */
export async function runOnce(written: Record<string, unknown>, timeoutMs = 5000): Promise<Result> {
  const task = definition.prepare(readConfig(written), testResolver, { timeoutMs });
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new sdk.DeadlineError(timeoutMs)), timeoutMs);
  try {
    return await definition.collect(task, { signal: controller.signal, timeoutMs, plannedMs: Date.now() });
  } finally {
    clearTimeout(timer);
  }
}

/** `name{label="value"} value` of every sample, sorted. */
export function lines(result: Result): string[] {
  return result.samples
    .map(({ name, labels = {}, value }) => {
      const pairs = Object.keys(labels)
        .sort()
        .map((label) => `${label}=${JSON.stringify(labels[label])}`);
      return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
    })
    .sort();
}

/** The value of the first sample of this name (and phase). */
export function value(result: Result, name: string, phase?: string): number | undefined {
  return result.samples.find((s) => s.name === name && (phase === undefined || s.labels?.phase === phase))
    ?.value;
}

/** Listens on a free port of 127.0.0.1 until the test ends. */
export async function listen(t: TestContext, server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A folder of the test's own. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-http-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Files of a certificate and of its key. */
interface Pair {
  certFile: string;
  keyFile: string;
  cert: string;
  key: string;
}

/** A certificate made by the `openssl` program; self-signed without an `issuer`. `names` as openssl writes them: `DNS:a,IP:b`. */
export function certificate(
  folder: string,
  name: string,
  options: { names: string; days?: number; subject?: string; issuer?: Pair },
): Pair {
  const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
    join(folder, `${name}.${end}`),
  ) as [string, string, string, string];
  const { names, days = 10, subject = `/C=DE/ST=Bay/O=Acme, Inc/CN=${name}`, issuer } = options;
  writeFileSync(extensions, `subjectAltName=${names}\nbasicConstraints=CA:true\n`);
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-utf8', ...ec, '-keyout', keyFile, '-out', request, '-subj', subject);
  const signer =
    issuer === undefined
      ? ['-signkey', keyFile]
      : ['-CA', issuer.certFile, '-CAkey', issuer.keyFile, '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    request,
    ...signer,
    '-extfile',
    extensions,
    '-days',
    String(days),
    '-out',
    certFile,
  );
  return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
