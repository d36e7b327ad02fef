import { request as send } from 'node:http';
import type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from '../../src/sdk/index.js';

/** An error as the real client throws it: one of ours, with the system's error as its cause. */
function fault(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

/** The client of the tests: one plain GET over node:http, without redirects, compression and TLS. */
export function createFakeClient(options: HttpClientOptions): HttpClient {
  const { username, password } = options.basicAuth ?? {};
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    headers[name.toLowerCase()] = typeof value === 'string' ? value : value.reveal();
  if (username !== undefined)
    headers.authorization = `Basic ${Buffer.from(`${username}:${password?.reveal() ?? ''}`).toString('base64')}`;
  if (options.authorization !== undefined)
    headers.authorization = `${options.authorization.type} ${options.authorization.credentials.reveal()}`;
  return { request: (request) => fetchPage(request, headers), close: () => undefined };
}

function fetchPage(request: HttpRequest, headers: Record<string, string>): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { method, url, signal } = request;
    const client = send(url, { method, headers: { ...headers, ...request.headers }, signal, agent: false });
    client.on('error', (error) =>
      reject(signal.aborted ? signal.reason : fault('SEN_NET', 'cannot fetch', error)),
    );
    client.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size <= request.maxBodyBytes) return;
        reject(fault('SEN_LIMIT', `body size limit of ${request.maxBodyBytes} bytes exceeded`));
        client.destroy();
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          statusText: response.statusMessage!,
          headers: response.headers as Record<string, string>,
          body: Buffer.concat(chunks),
          url,
        }),
      );
    });
    client.end();
  });
}
