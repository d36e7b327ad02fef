import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import { SentinelError } from '../lib/index.js';
import type { Resolver } from '../sdk/index.js';

/** A name that no resolver knows (RFC 6761), and one that never gets an answer. */
export const UNKNOWN_NAME = 'nothing.invalid';
export const SILENT_NAME = 'silent.invalid';

/** The small network that plugins are tried on; nothing leaves the host. */
export interface TestNetwork {
  /** Of 127.0.0.1; nobody listens. */
  closedPort: number;
  /** Of 127.0.0.1; accepts and never answers. */
  silentPort: number;
  /** Knows literals and localhost, fails for every other name, and for `SILENT_NAME` waits until it is aborted. */
  resolver: Resolver;
  close(): Promise<void>;
}

/** Opens the network: two ports of loopback and a resolver that asks nobody. */
export async function openTestNetwork(): Promise<TestNetwork> {
  const gone = createServer();
  const closedPort = await listen(gone);
  await new Promise((resolve) => gone.close(resolve));
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.resume();
  });
  const silentPort = await listen(silent);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  };
  return { closedPort, silentPort, resolver: { resolve: resolveForTest, close: () => {} }, close };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

const resolveForTest: Resolver['resolve'] = async (name, _family, signal) => {
  const address = name === 'localhost' ? '127.0.0.1' : name;
  const family = isIP(address);
  if (family === 4 || family === 6) return [{ address, family }];
  if (name !== SILENT_NAME) throw new SentinelError('SEN_RESOLVE', `cannot resolve "${name}": no such name`);
  return new Promise((_, reject) => {
    const stop = () => reject(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
};
