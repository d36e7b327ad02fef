import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The targets of a fleet, in a process of their own: every path is one, and gives the same page.

const SERIES = Number(process.argv[2] ?? 100);
const lines = Array.from(
  { length: SERIES },
  (_, i) => `fleet_value{interface="eth${i}",direction="in"} ${i}.5\n`,
);
const page = Buffer.from(`# TYPE fleet_value gauge\n${lines.join('')}`);

const server = createServer((_request, response) => {
  response
    .writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'content-length': page.length })
    .end(page);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
