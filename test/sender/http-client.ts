import { Agent, request as send } from 'node:http';
import { SentinelError } from '../../src/lib/index.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/net/index.js';

/** A client as the sender expects it, without auth, TLS and redirects. */
export function plainHttpClient(): HttpClient {
  const agent = new Agent({ keepAlive: true });
  return { request: (request) => ask(request, agent), close: () => agent.destroy() };
}

function ask(
  { method, url, headers, body, signal, maxBodyBytes }: HttpRequest,
  agent: Agent,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(signal.aborted ? signal.reason : new SentinelError('SEN_NET', `cannot reach ${url}`, { cause }));
    const length = { 'content-length': String(body?.length ?? 0) };
    const outgoing = send(
      url,
      { method, agent, signal, headers: { ...headers, ...length } },
      async (incoming) => {
        try {
          const chunks: Buffer[] = [];
          let size = 0;
          for await (const chunk of incoming as AsyncIterable<Buffer>) {
            size += chunk.length;
            if (size > maxBodyBytes) throw new SentinelError('SEN_LIMIT', 'the answer is too long');
            chunks.push(chunk);
          }
          const { statusCode = 0, statusMessage = '' } = incoming;
          const names = incoming.headers as Record<string, string>;
          resolve({
            status: statusCode,
            statusText: statusMessage,
            headers: names,
            body: Buffer.concat(chunks),
            url,
          });
        } catch (error) {
          if (error instanceof SentinelError) reject(error);
          else fail(error);
        }
      },
    );
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}
