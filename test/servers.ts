import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.js';
import { until } from './until.js';

/** Programs that tests start, all of them packages of Debian by the same name. */
type ServerName =
  | 'victoria-metrics'
  | 'prometheus'
  | 'prometheus-node-exporter'
  | 'prometheus-blackbox-exporter'
  | 'nginx'
  | 'w3m'
  | 'faketime';

/** Whether the test can go on. Without the server it is skipped, naming the package; where `CI=true` it fails. */
export function needServer(name: ServerName, t: TestContext): boolean {
  if (spawnSync(name, ['--version']).error === undefined) return true;
  const line = `${name} is not installed: apt-get install ${name}`;
  if (process.env.CI === 'true') throw new Error(line);
  t.skip(line);
  return false;
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One series of an answer to a query. */
interface QueryResult {
  metric: Readonly<Record<string, string>>;
  /** Timestamp in seconds and the value as text. */
  value: [number, string];
}

interface Command {
  command: string;
  args: readonly string[];
  readyPath: string;
  /** Asked before a query: makes what was just written visible. */
  flushPath?: string;
}

/** A running server, with its data in a directory of its own. It goes with the test. */
export class Server {
  readonly url: string;
  readonly port: number;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #readyPath: string;
  readonly #flushPath: string | undefined;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, command: Command) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#command = command.command;
    this.#args = command.args;
    this.#readyPath = command.readyPath;
    this.#flushPath = command.flushPath;
  }

  /** VictoriaMetrics, single node. */
  static async victoriaMetrics(t: TestContext): Promise<Server> {
    const port = await freePort();
    const args = [
      `-storageDataPath=${directoryFor(t)}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      '-search.latencyOffset=0s',
      '-search.disableCache',
      '-memory.allowedBytes=64MB',
    ];
    return Server.#start(t, port, {
      command: 'victoria-metrics',
      args,
      readyPath: '/health',
      flushPath: '/internal/force_flush',
    });
  }

  /** Prometheus, which takes remote write only when told to. */
  static async prometheus(t: TestContext, options: { receiver: boolean; port?: number }): Promise<Server> {
    const port = options.port ?? (await freePort());
    const directory = directoryFor(t);
    const config = join(directory, 'prometheus.yml');
    writeFileSync(config, 'global: {}\n');
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...(options.receiver ? ['--web.enable-remote-write-receiver'] : []),
    ];
    return Server.#start(t, port, { command: 'prometheus', args, readyPath: '/-/ready' });
  }

  static async #start(t: TestContext, port: number, command: Command): Promise<Server> {
    const server = new Server(port, command);
    atEnd(t, () => server.stop());
    await server.start();
    return server;
  }

  /** Where it takes remote write. */
  get writeUrl(): string {
    return `${this.url}/api/v1/write`;
  }

  /** Starts it, again after `stop`, and waits until it is ready. */
  async start(): Promise<void> {
    const child = spawn(this.#command, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => {
        this.#output = `${this.#output}${text}`.slice(-4000);
      });
    await until(`${this.#command} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(`${this.#command} ended: ${this.#output}`);
      return fetch(`${this.url}${this.#readyPath}`).then(
        (response) => response.ok,
        () => false,
      );
    });
  }

  /** Stops it; its data stays. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** An instant query; the present time is the server's. */
  async query(query: string, timeSeconds?: number): Promise<QueryResult[]> {
    if (this.#flushPath !== undefined) await (await fetch(`${this.url}${this.#flushPath}`)).text();
    const parameters = new URLSearchParams({ query });
    if (timeSeconds !== undefined) parameters.set('time', String(timeSeconds));
    const response = await fetch(`${this.url}/api/v1/query?${parameters}`);
    if (!response.ok) throw new Error(`query ${query}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { data: { result: QueryResult[] } }).data.result;
  }

  /** The raw samples of a selector within the range before `timeSeconds`: timestamp in seconds and value. */
  async samples(selector: string, range: string, timeSeconds?: number): Promise<[number, string][]> {
    const results = (await this.query(`${selector}[${range}]`, timeSeconds)) as unknown as {
      values: [number, string][];
    }[];
    return results.flatMap(({ values }) => values);
  }
}

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-server-'));
  atEnd(t, () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
