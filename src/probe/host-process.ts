import { Socket } from 'node:net';
import { systemClock } from '../lib/index.js';
import { createHttpClient, createResolver } from '../net/index.js';
import { ProbeHost } from './host.js';

/** The descriptor of the stream to the agent, which the agent opened for us. */
const STREAM_FD = 3;

// Systemd and terminals signal the whole process group; the agent decides when we end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('SIGHUP', () => {});
process.title = `sentinel ${process.argv[2] ?? 'probe host'}`;

const resolver = createResolver();
new ProbeHost({
  stream: new Socket({ fd: STREAM_FD, readable: true, writable: true }),
  clock: systemClock,
  offer: (log, config) => ({
    log,
    resolver,
    config,
    createHttpClient: (options) => createHttpClient(options, resolver),
  }),
  exit: () => process.exit(0),
});
