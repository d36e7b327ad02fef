import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { readDataDirectory } from '../config/index.js';
import { SentinelError } from '../lib/index.js';
import { DEFAULT_FILE } from './configuration.js';

const SOCKET = 'control.sock';
/** Where systemd puts the data of the service (StateDirectory=sentinel). */
const SERVICE_DIRECTORY = '/var/lib/sentinel';
/** An agent that takes longer hangs. */
const TIMEOUT_MS = 5000;

/** No agent answers there; the message says where it was looked for. */
export class NoAgentError extends Error {}

/** The control socket of the agent that is meant: of the directory that is named, of the configuration's, else of the first place where there is one. Throws NoAgentError, and a ConfigError for a file that cannot be read. */
export function findControlSocket(options: {
  config?: string | undefined;
  dataDir?: string | undefined;
}): string {
  const places = candidates(options);
  const found = places.map((place) => join(place, SOCKET)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new NoAgentError(
    `no agent runs here: there is no ${SOCKET} in ${places.join(' or ')}; start one, or name its directory by --data-dir or its file by -c`,
  );
}

function candidates({
  config,
  dataDir,
}: {
  config?: string | undefined;
  dataDir?: string | undefined;
}): string[] {
  if (dataDir !== undefined) return [resolve(dataDir)];
  const file = config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  const place = { env: process.env, cwd: process.cwd() };
  const configured = file === undefined ? undefined : readDataDirectory(file, place);
  if (configured !== undefined) return [configured];
  const given = process.env.STATE_DIRECTORY?.split(':')[0];
  return [...(given ? [given] : []), resolve('data'), SERVICE_DIRECTORY];
}

/** Asks the agent; gives the `data` of its answer. Throws NoAgentError when nobody answers, and SEN_USAGE when we may not ask. */
export async function askAgent<T>(socketPath: string, path: string): Promise<T> {
  const { status, body } = await get(socketPath, path).catch((error: NodeJS.ErrnoException) => {
    throw faultOf(error, socketPath);
  });
  if (status !== 200)
    throw new NoAgentError(
      `the agent at ${socketPath} answers ${status} to ${path}; is it of another version?`,
    );
  return (JSON.parse(body) as { data: T }).data;
}

function faultOf(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return new SentinelError(
      'SEN_USAGE',
      `not permitted to use ${socketPath}; run this as root or as the agent's user`,
    );
  const why =
    error.code === 'ECONNREFUSED'
      ? 'its last agent is gone'
      : `it does not answer (${error.code ?? error.message})`;
  return new NoAgentError(`no agent runs at ${socketPath}: ${why}`);
}

function get(socketPath: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((settle, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = request({ socketPath, path, host: 'localhost', agent: false, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => settle({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', (error) =>
      reject(signal.aborted ? new Error(`no answer in ${TIMEOUT_MS / 1000} s`) : error),
    );
    sent.end();
  });
}
