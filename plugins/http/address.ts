import { isIP } from 'node:net';
import type { Address, Resolver } from '../../src/sdk/index.js';
import { Failure } from './failure.js';

/** Which family to ask for. */
export interface FamilyChoice {
  preferred: 'ip4' | 'ip6';
  fallback: boolean;
}

/** The first address of a name, of the preferred family or else of the other. A Failure with reason `resolve` when there is none; an abort throws its reason. */
export async function resolveFirst(
  resolver: Resolver,
  name: string,
  choice: FamilyChoice,
  signal: AbortSignal,
): Promise<Address> {
  const other = choice.preferred === 'ip4' ? 'ip6' : 'ip4';
  let failure: unknown;
  for (const family of choice.fallback ? [choice.preferred, other] : [choice.preferred]) {
    try {
      return (await resolver.resolve(name, family as 'ip4' | 'ip6', signal))[0]!;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      failure ??= error;
    }
  }
  throw new Failure('resolve', failure instanceof Error ? failure.message : String(failure));
}

/** FNV-1a, 32 bits, over the 4 or 16 bytes of the address: what blackbox_exporter gives as `probe_ip_addr_hash`. */
export function addressHash(address: string): number {
  let hash = 0x811c9dc5;
  for (const byte of bytesOf(address)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function bytesOf(address: string): number[] {
  if (isIP(address) === 4) return address.split('.').map(Number);
  const [front = '', back] = address.replace(/%.*/, '').split('::');
  const head = groups(front);
  const tail = back === undefined ? [] : groups(back);
  return [...head, ...Array.from({ length: 16 - head.length - tail.length }, () => 0), ...tail];
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
