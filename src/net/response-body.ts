import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, gunzipSync, inflate } from 'node:zlib';
import { formatSize, SentinelError, TimeSlice } from '../lib/index.js';
import { shareTurn } from './body-turns.js';
import type { HttpRequest } from './http.js';

const DECODERS = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate) };

/** A piece that zlib gives back at a time, where the length is not known. */
const CHUNK_BYTES = 65_536;
/** The least where it is: the end of the file may lie, and a page would be made of pieces of a few bytes. */
const LEAST_BYTES = 4096;

/** So much is decompressed at once, within a few ms: a way through Node's thread pool costs more than a usual page itself. */
const AT_ONCE_BYTES = 2 ** 20;

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
  const { hold, onReceived } = request;
  const limits = { maxBytes: maxBodyBytes, hold, onReceived };
  if (onlyGzip !== true) return decoded(await collect(response, limits), encoding, limits);
  if (encoding !== 'gzip') return collect(response, limits);
  const raw = await collect(response, { ...limits, maxBytes: grown(maxBodyBytes) });
  return decompress(raw, encoding, limits);
}

/** What a body must keep to; see `HttpRequest`. */
interface BodyLimits {
  maxBytes: number;
  hold: HttpRequest['hold'];
  onReceived: HttpRequest['onReceived'];
}

async function decoded(raw: Buffer, header: string, limits: BodyLimits): Promise<Buffer> {
  const encoding = header.trim().toLowerCase();
  if (encoding === '' || encoding === 'identity' || raw.length === 0) return raw;
  if (!isKnown(encoding))
    throw new SentinelError('SEN_NET', `the body is encoded as "${encoding}", which was not asked for`);
  return decompress(raw, encoding, limits);
}

async function decompress(
  raw: Buffer,
  encoding: keyof typeof DECODERS,
  { maxBytes, hold }: BodyLimits,
): Promise<Buffer> {
  const maxOutputLength = Math.max(1, maxBytes);
  const claimed = claimedBytes(raw, encoding);
  const wanted = claimed === undefined ? CHUNK_BYTES : Math.max(LEAST_BYTES, claimed + 1);
  const chunkSize = Math.min(wanted, maxOutputLength + CHUNK_BYTES);
  try {
    // Fast path
    if (encoding === 'gzip' && chunkSize <= AT_ONCE_BYTES && raw.length <= AT_ONCE_BYTES) {
      // Many pages may come in one turn of the loop.
      const slice = new TimeSlice();
      if (slice.isUp) await slice.next();
      const page = tryAtOnce(raw, { maxOutputLength: Math.min(maxOutputLength, AT_ONCE_BYTES), chunkSize });
      if (page !== undefined) return page;
    }
    // Slow path: a large page, or one whose end says another length; that one may become as large as it likes.
    const length = chunkSize <= AT_ONCE_BYTES ? maxBytes : chunkSize;
    if (hold?.(raw.length + length) === false) throw tooMany();
    return await DECODERS[encoding](raw, { maxOutputLength, chunkSize: Math.max(chunkSize, CHUNK_BYTES) });
  } catch (error) {
    if (isTooLarge(error)) throw tooLong(maxBytes);
    if (error instanceof SentinelError) throw error;
    throw new SentinelError('SEN_NET', `cannot decompress the body (${encoding})`, { cause: error });
  }
}

/** The length that the end of a gzip file says it has (RFC 1952, section 2.3.1): one piece of that size is the page, and nothing is copied. */
function claimedBytes(raw: Buffer, encoding: keyof typeof DECODERS): number | undefined {
  return encoding === 'deflate' || raw.length < 4 ? undefined : raw.readUInt32LE(raw.length - 4);
}

/** `undefined` where it becomes longer than `maxOutputLength`. Throws what zlib throws. */
function tryAtOnce(raw: Buffer, options: { maxOutputLength: number; chunkSize: number }): Buffer | undefined {
  try {
    return gunzipSync(raw, options);
  } catch (error) {
    if (isTooLarge(error)) return undefined;
    throw error;
  }
}

const isTooLarge = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';

function isKnown(encoding: string): encoding is keyof typeof DECODERS {
  return Object.hasOwn(DECODERS, encoding);
}

function collect(response: IncomingMessage, { maxBytes, hold, onReceived }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (error: SentinelError) => {
      chunks.length = 0;
      reject(error);
      response.destroy();
    };
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) end(tooLong(maxBytes));
      else if (hold?.(length) === false) end(tooMany());
      else {
        chunks.push(chunk);
        shareTurn(response, chunk.length, length);
      }
    });
    response.once('end', () => {
      onReceived?.();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length));
    });
    response.once('error', reject);
    response.once('close', () => {
      if (!response.readableEnded) reject(new Error('the connection closed before the end of the body'));
    });
  });
}

function tooLong(maxBytes: number): SentinelError {
  return new SentinelError('SEN_LIMIT', `the body is longer than ${formatSize(maxBytes)}`);
}

function tooMany(): SentinelError {
  return new SentinelError('SEN_LIMIT', 'there is no memory for the body beside others');
}
