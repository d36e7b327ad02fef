import { hash32 } from '../schedule/index.js';
import type { ClusterConfig } from './scrape-config.js';

/**
 * Whether this member scrapes the target: the `replicationFactor` members with the highest hashes of member and key do (rendezvous hashing), so that every
 * member comes to the same answer on its own, and when a member is added only the targets that it takes over move.
 */
export function isOurs(key: string, { members, member, replicationFactor }: ClusterConfig): boolean {
  if (replicationFactor >= members) return true;
  const own = weight(key, member);
  let before = 0;
  for (let other = 0; other < members; other++) {
    if (other === member) continue;
    const theirs = weight(key, other);
    if (theirs > own || (theirs === own && other < member)) before++;
    if (before >= replicationFactor) return false;
  }
  return true;
}

const weight = (key: string, member: number) => hash32(`${key}/${member}`);
