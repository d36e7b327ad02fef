// The servers of the load beside ping, with the certificate of a folder: `node load-servers.js FOLDER`. A page of 2 MB at 18080, and a short one over TLS at 18443.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';

const lines = Array.from(
  { length: 24_000 },
  (_, i) => `load_metric_${i % 300}_total{cpu="${i}",mode="idle_or_so"} ${i * 1.25}\n`,
).join('');
const page = `${lines}# ${'x'.repeat(Math.max(0, 2_000_000 - lines.length))}\n`;
createServer((_, response) => {
  response.setHeader('Content-Type', 'text/plain; version=0.0.4');
  response.end(page);
}).listen(18080, '127.0.0.1');
const [key, cert] = ['key.pem', 'cert.pem'].map((file) => readFileSync(join(process.argv[2]!, file)));
createTlsServer({ key, cert }, (_, response) => response.end('ok')).listen(18443, '127.0.0.1');
