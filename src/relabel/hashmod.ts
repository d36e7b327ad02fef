import { hash } from 'node:crypto';

/** Below this a number of 32 bits fits behind a remainder without rounding: 2^21 * 2^32 = 2^53. */
const LARGEST_EXACT = 2 ** 21;

/** Prometheus's `hashmod`: the last eight bytes of the text's MD5 as one number, most significant byte first, modulo `modulus`. */
export function hashmod(text: string, modulus: number): string {
  const digest = hash('md5', text, 'hex');
  const high = Number.parseInt(digest.slice(16, 24), 16);
  const low = Number.parseInt(digest.slice(24), 16);
  if (modulus <= LARGEST_EXACT) return String(((high % modulus) * 2 ** 32 + low) % modulus);
  return String((BigInt(high) * 2n ** 32n + BigInt(low)) % BigInt(modulus));
}
