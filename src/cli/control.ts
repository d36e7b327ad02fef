import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { readDataDirectory } from '../config/index.js';
import { SentinelError } from '../lib/index.js';
import { DEFAULT_FILE } from './configuration.js';

const SOCKET = 'control.sock';
/** Where systemd puts the data of the service (StateDirectory=sentinel). */
const SERVICE_DIRECTORY = '/var/lib/sentinel';
/** An agent from which nothing comes for so long hangs. */
const SILENCE_MS = 5000;
/** Of what it says instead of an answer. */
const MAX_WORDS = 200;

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

/** Asks the agent; gives the `data` of its answer. Throws NoAgentError when nobody answers, or not that, and SEN_USAGE when we may not ask. */
export async function askAgent<T>(socketPath: string, path: string): Promise<T> {
  const { status, body } = await get(socketPath, path).catch((error: NodeJS.ErrnoException) => {
    throw faultOf(error, socketPath);
  });
  if (status !== 200) {
    const words = status === 404 ? 'is it of another version?' : body.trim().slice(0, MAX_WORDS);
    throw new NoAgentError(`the agent at ${socketPath} answers ${status} to ${path}: ${words}`);
  }
  return (JSON.parse(body) as { data: T }).data;
}

function faultOf(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return new SentinelError(
      'SEN_USAGE',
      `not permitted to use ${socketPath}; run this as root or as the agent's user`,
    );
  return new NoAgentError(
    error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
      ? `no agent runs at ${socketPath}: its last agent is gone`
      : `the agent at ${socketPath} does not answer (${error.code ?? error.message}); its log may say why`,
  );
}

function get(socketPath: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((settle, reject) => {
    const options = { socketPath, path, host: 'localhost', agent: false, timeout: SILENCE_MS };
    const sent = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => settle({ status: response.statusCode ?? 0, body }));
    });
    sent.on('timeout', () => sent.destroy(new Error(`nothing came for ${SILENCE_MS / 1000} s`)));
    sent.on('error', reject);
    sent.end();
  });
}
