import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Credentials } from './options.js';

/** Made anew in every process, so that the digests that are compared cannot be prepared. */
const KEY = randomBytes(32);

/** Whether an Authorization header holds these credentials (RFC 7617). How long it takes says nothing about how much of them is right. */
export function isAdmitted(header: string | undefined, { username, password }: Credentials): boolean {
  const token = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? '')?.[1] ?? '';
  const given = Buffer.from(token, 'base64');
  const wanted = Buffer.from(`${username}:${password.reveal()}`, 'utf8');
  return timingSafeEqual(digest(given), digest(wanted));
}

/** Texts of any length become equally long ones. */
function digest(text: Uint8Array): Buffer {
  return createHmac('sha256', KEY).update(text).digest();
}
