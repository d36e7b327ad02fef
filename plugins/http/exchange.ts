import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { failureOf } from './failure.js';

/** A request as it is written. */
export interface Message {
  method: string;
  /** Path and query, or the whole URL for a proxy. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** What became of a body. */
export interface Body {
  /** Bytes of it, decompressed; at most the limit. */
  length: number;
  /** Only what was asked to be kept. */
  content: Buffer | undefined;
  /** Why it was not read to its end, if so. */
  failure: unknown;
  /** It is longer than the limit. */
  tooLarge: boolean;
}

/** How a body is read. */
export interface BodyRules {
  compression: '' | 'gzip' | 'br' | 'deflate' | 'identity';
  /** Bytes after decompression; Infinity for any. */
  limit: number;
  keep: boolean;
}

/** Sends a request over an open connection; gives the answer when its headers have come. A Failure where none comes. */
export function exchange(socket: Socket, message: Message): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body } = message;
    const sent = request({ method, path, headers, createConnection: () => socket });
    sent.once('response', resolve);
    sent.on('error', (error) => reject(failureOf(error, 'no answer')));
    sent.end(body === '' ? undefined : body);
  });
}

/** Reads a body to its end or to its limit. Never throws: what went wrong is part of what was seen. */
export async function readBody(response: IncomingMessage, rules: BodyRules): Promise<Body> {
  const packed = rules.compression !== '' && rules.compression !== 'identity';
  const first = packed ? await firstByte(response) : undefined;
  if (packed && first === undefined) return noBody(response, rules);
  const source = decoded(response, first ?? 0, rules);
  return await new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const body: Body = { length: 0, content: undefined, failure: undefined, tooLarge: false };
    const finish = (failure?: unknown) => {
      body.failure = failure;
      if (rules.keep) body.content = Buffer.concat(chunks);
      resolve(body);
    };
    source.on('data', (chunk: Buffer) => {
      body.length += chunk.length;
      if (rules.keep) chunks.push(chunk);
      if (body.length <= rules.limit) return;
      body.length = rules.limit;
      body.tooLarge = true;
      finish();
      // What was read already is not decompressed any further.
      source.destroy();
      response.destroy();
    });
    source.once('end', () => finish());
    source.once('error', (error) => finish(failureOf(error, 'body')));
    response.once('close', () => {
      if (!response.complete) finish(failureOf(new Error('closed before its end'), 'body'));
    });
  });
}

function noBody(response: IncomingMessage, rules: BodyRules): Body {
  const failure = response.complete ? undefined : failureOf(new Error('closed before its end'), 'body');
  return { length: 0, content: rules.keep ? Buffer.alloc(0) : undefined, failure, tooLarge: false };
}

/** The first byte of a body that is to be decompressed, left in its place; `undefined` where there is none, and so nothing to decompress. */
async function firstByte(response: IncomingMessage): Promise<number | undefined> {
  for (;;) {
    const chunk = response.read(1) as Buffer | null;
    if (chunk !== null) {
      response.unshift(chunk);
      return chunk[0]!;
    }
    if (response.readableEnded || response.destroyed) return undefined;
    await new Promise<void>((resolve) => {
      response.once('readable', resolve).once('end', resolve).once('close', resolve);
    });
  }
}

function decoded(response: IncomingMessage, first: number, rules: BodyRules): IncomingMessage | Duplex {
  const decoder = decoderFor(rules.compression, first);
  if (decoder === undefined) return response;
  response.once('error', (error) => decoder.destroy(error));
  return response.pipe(decoder);
}

/** `deflate` means zlib's format by the standard, and the bare one by habit; the first byte tells them apart (RFC 1950, section 2.2). */
function decoderFor(compression: BodyRules['compression'], first: number): Duplex | undefined {
  if (compression === 'gzip') return createGunzip();
  if (compression === 'br') return createBrotliDecompress();
  if (compression === 'deflate') return (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
  return undefined;
}
