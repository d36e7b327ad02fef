import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { formatSize, SentinelError } from '../lib/index.js';
import type { HttpRequest } from './http.js';

const DECODERS = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate) };

/** A piece that zlib gives back at a time. */
const CHUNK_BYTES = 65_536;

/** What random bytes grow by as gzip, at most: a page within its limit is not to fail because it was compressed. */
const grown = (bytes: number) => bytes + Math.ceil(bytes / 1000) + 1024;

/**
 * Reads a whole body and decompresses it (gzip, deflate). More than `maxBodyBytes`, before or after that, is SEN_LIMIT and ends reading and decompressing
 * there. What is broken is SEN_NET; a connection that breaks is the system's error.
 */
export async function readBody(response: IncomingMessage, request: HttpRequest): Promise<Buffer> {
  const { maxBodyBytes, bodyOfStatus, onlyGzip } = request;
  if (bodyOfStatus !== undefined && response.statusCode !== bodyOfStatus) {
    response.destroy();
    return Buffer.alloc(0);
  }
  const encoding = response.headers['content-encoding'] ?? '';
  if (onlyGzip !== true) return decoded(await collect(response, maxBodyBytes), encoding, maxBodyBytes);
  if (encoding !== 'gzip') return collect(response, maxBodyBytes);
  return decompress(await collect(response, grown(maxBodyBytes)), encoding, maxBodyBytes);
}

async function decoded(raw: Buffer, header: string, maxBytes: number): Promise<Buffer> {
  const encoding = header.trim().toLowerCase();
  if (encoding === '' || encoding === 'identity' || raw.length === 0) return raw;
  if (!isKnown(encoding))
    throw new SentinelError('SEN_NET', `the body is encoded as "${encoding}", which was not asked for`);
  return decompress(raw, encoding, maxBytes);
}

async function decompress(raw: Buffer, encoding: keyof typeof DECODERS, maxBytes: number): Promise<Buffer> {
  try {
    return await DECODERS[encoding](raw, { maxOutputLength: Math.max(1, maxBytes), chunkSize: CHUNK_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(maxBytes);
    throw new SentinelError('SEN_NET', `cannot decompress the body (${encoding})`, { cause: error });
  }
}

function isKnown(encoding: string): encoding is keyof typeof DECODERS {
  return Object.hasOwn(DECODERS, encoding);
}

function collect(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      reject(tooLong(maxBytes));
      response.destroy();
    });
    response.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
    response.once('error', reject);
    response.once('close', () => reject(new Error('the connection closed before the end of the body')));
  });
}

function tooLong(maxBytes: number): SentinelError {
  return new SentinelError('SEN_LIMIT', `the body is longer than ${formatSize(maxBytes)}`);
}
