import { isIPv4 } from 'node:net';
import type { LossReason } from './echo.js';

const ECHO_HEADER = 8;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const ECHO_REPLY = { 4: 0, 6: 129 } as const;
const PROTOCOL = { 4: 1, 6: 58 } as const;

/** 0, 1, ... 255, 0, ...: as long as the longest payload. */
const FILLER = Buffer.alloc(
  65_507,
  Uint8Array.from({ length: 256 }, (_, i) => i),
);

/** What an echo request consists of. */
interface EchoHeader {
  family: 4 | 6;
  /** Two bytes; tells our packets from those of other processes. */
  id: number;
  /** Two bytes; tells our packets in flight from each other. */
  sequence: number;
}

/** What tells a packet apart in its own IP header. */
interface IpHeader {
  source: Buffer;
  target: Buffer;
  ttl: number;
  tos: number;
  /** IPv4 only. */
  df: boolean;
}

/** A received ICMP message that may belong to one of our packets. */
export type IcmpMessage =
  | { kind: 'reply'; id: number; sequence: number; payload: Buffer }
  /** `target` is the destination of the packet that it is about. */
  | { kind: 'error'; id: number; sequence: number; target: Buffer; reason: LossReason; text: string };

/**
 * An echo request (RFC 792, RFC 4443) that carries `nonce` at the start of its payload of `size` bytes, as much of it as fits; the rest counts up.
 * The checksum is set for IPv4; for IPv6 the kernel sets it.
 */
export function buildEcho(header: EchoHeader, size: number, nonce: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(ECHO_HEADER + size);
  packet.writeUInt16BE(ECHO_REQUEST[header.family] << 8, 0);
  packet.writeUInt16BE(0, 2);
  packet.writeUInt16BE(header.id, 4);
  packet.writeUInt16BE(header.sequence, 6);
  FILLER.copy(packet, ECHO_HEADER);
  nonce.copy(packet, ECHO_HEADER);
  if (header.family === 4) packet.writeUInt16BE(checksum(packet, 0), 2);
  return packet;
}

/** The packet with an IPv4 header in front (RFC 791). Linux fills in identification, length and checksum: raw(7). */
export function withIpv4Header(icmp: Buffer, header: IpHeader): Buffer {
  const packet = Buffer.alloc(IPV4_HEADER + icmp.length);
  packet[0] = 0x45;
  packet[1] = header.tos;
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt16BE(header.df ? 0x4000 : 0, 6);
  packet[8] = header.ttl;
  packet[9] = PROTOCOL[4];
  header.source.copy(packet, 12);
  header.target.copy(packet, 16);
  icmp.copy(packet, IPV4_HEADER);
  return packet;
}

/** The packet with an IPv6 header in front (RFC 8200) and the ICMPv6 checksum set: the kernel fills in nothing. */
export function withIpv6Header(icmp: Buffer, header: IpHeader): Buffer {
  const packet = Buffer.alloc(IPV6_HEADER + icmp.length);
  packet.writeUInt32BE(0x60000000 + header.tos * 2 ** 20, 0);
  packet.writeUInt16BE(icmp.length, 4);
  packet[6] = PROTOCOL[6];
  packet[7] = header.ttl;
  header.source.copy(packet, 8);
  header.target.copy(packet, 24);
  icmp.copy(packet, IPV6_HEADER);
  // The pseudo-header of RFC 8200, 8.1: both addresses, the length and the protocol.
  let sum = icmp.length + PROTOCOL[6];
  for (let i = 8; i < IPV6_HEADER; i += 2) sum += packet.readUInt16BE(i);
  packet.writeUInt16BE(checksum(icmp, sum), IPV6_HEADER + 2);
  return packet;
}

/** The internet checksum (RFC 1071) of `bytes` and of what `sum` has added up before. */
function checksum(bytes: Buffer, sum: number): number {
  let total = sum;
  for (let i = 0; i + 1 < bytes.length; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!;
  if (bytes.length % 2 === 1) total += bytes[bytes.length - 1]! << 8;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return ~total & 0xffff;
}

/** Reads what a raw socket received; `undefined` for what is no echo reply and no error about an echo request. Never throws. */
export function parseIcmp(family: 4 | 6, received: Buffer): IcmpMessage | undefined {
  const offset = family === 4 ? ipv4HeaderLength(received) : 0;
  if (offset === undefined || received.length < offset + ECHO_HEADER) return undefined;
  const icmp = received.subarray(offset);
  if (icmp[0] === ECHO_REPLY[family] && icmp[1] === 0)
    return {
      kind: 'reply',
      id: icmp.readUInt16BE(4),
      sequence: icmp.readUInt16BE(6),
      payload: icmp.subarray(ECHO_HEADER),
    };
  const meaning = family === 4 ? meaningOf4(icmp) : meaningOf6(icmp);
  const original = meaning && originalEcho(family, icmp.subarray(ECHO_HEADER));
  return original && { kind: 'error', ...original, ...meaning };
}

function ipv4HeaderLength(packet: Buffer): number | undefined {
  if (packet.length < IPV4_HEADER || packet[0]! >> 4 !== 4) return undefined;
  const length = (packet[0]! & 0x0f) * 4;
  return length >= IPV4_HEADER ? length : undefined;
}

/** Finds our echo request in the packet that an error quotes. */
function originalEcho(family: 4 | 6, quoted: Buffer) {
  const offset = family === 4 ? icmpIn4(quoted) : icmpIn6(quoted);
  if (offset === undefined || quoted.length < offset + ECHO_HEADER) return undefined;
  if (quoted[offset] !== ECHO_REQUEST[family]) return undefined;
  return {
    id: quoted.readUInt16BE(offset + 4),
    sequence: quoted.readUInt16BE(offset + 6),
    target: family === 4 ? quoted.subarray(16, 20) : quoted.subarray(24, 40),
  };
}

function icmpIn4(packet: Buffer): number | undefined {
  const length = ipv4HeaderLength(packet);
  // Only the first fragment has the ICMP header.
  if (length === undefined || packet[9] !== PROTOCOL[4] || (packet.readUInt16BE(6) & 0x1fff) !== 0)
    return undefined;
  return length;
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;

function icmpIn6(packet: Buffer): number | undefined {
  if (packet.length < IPV6_HEADER || packet[0]! >> 4 !== 6) return undefined;
  let next = packet[6]!;
  let offset = IPV6_HEADER;
  while (next !== PROTOCOL[6]) {
    if (packet.length < offset + 8) return undefined;
    if (next === FRAGMENT) {
      if (packet.readUInt16BE(offset + 2) >> 3 !== 0) return undefined;
      next = packet[offset]!;
      offset += 8;
    } else if (next === HOP_BY_HOP || next === ROUTING || next === DESTINATION_OPTIONS) {
      next = packet[offset]!;
      offset += (packet[offset + 1]! + 1) * 8;
    } else return undefined;
  }
  return offset;
}

interface Meaning {
  reason: LossReason;
  text: string;
}

const UNREACHABLE_4: Readonly<Record<number, string>> = {
  0: 'network unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  5: 'source route failed',
  6: 'network unknown',
  7: 'host unknown',
  9: 'network administratively prohibited',
  10: 'host administratively prohibited',
  13: 'filtered',
};

const UNREACHABLE_6: Readonly<Record<number, string>> = {
  0: 'no route',
  1: 'administratively prohibited',
  2: 'beyond scope of source address',
  3: 'address unreachable',
  4: 'port unreachable',
  5: 'source address failed policy',
  6: 'reject route',
};

/** RFC 792, RFC 1191; `undefined` for messages that do not end a packet (redirect, source quench). */
function meaningOf4(icmp: Buffer): Meaning | undefined {
  const type = icmp[0]!;
  const code = icmp[1]!;
  if (type === 3 && code === 4) return fragNeeded(icmp.readUInt16BE(6));
  if (type === 3) return { reason: 'unreachable', text: UNREACHABLE_4[code] ?? `unreachable (code ${code})` };
  if (type === 11) return timeExceeded(code);
  return type === 12 ? { reason: 'unreachable', text: 'parameter problem' } : undefined;
}

/** RFC 4443. */
function meaningOf6(icmp: Buffer): Meaning | undefined {
  const type = icmp[0]!;
  const code = icmp[1]!;
  if (type === 1) return { reason: 'unreachable', text: UNREACHABLE_6[code] ?? `unreachable (code ${code})` };
  if (type === 2) return fragNeeded(icmp.readUInt32BE(4));
  if (type === 3) return timeExceeded(code);
  return type === 4 ? { reason: 'unreachable', text: 'parameter problem' } : undefined;
}

function fragNeeded(mtu: number): Meaning {
  return { reason: 'frag_needed', text: mtu > 0 ? `packet too big, MTU ${mtu}` : 'packet too big' };
}

function timeExceeded(code: number): Meaning {
  // Code 1: parts of the packet got lost on the way. To us that is silence, told early.
  return code === 0
    ? { reason: 'ttl_exceeded', text: 'TTL exceeded' }
    : { reason: 'timeout', text: 'fragments lost on the way' };
}

/** The 4 or 16 bytes of a literal address; the zone of an IPv6 address is left out. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return ipv4Bytes(address);
  const bytes = Buffer.alloc(16);
  const [head = '', tail] = withoutZone(address).split('::');
  writeGroups(bytes, groupsOf(head), 0);
  if (tail !== undefined) {
    const groups = groupsOf(tail);
    writeGroups(bytes, groups, 16 - groups.length * 2);
  }
  return bytes;
}

function ipv4Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(4);
  for (const [i, part] of address.split('.').entries()) bytes[i] = Number(part);
  return bytes;
}

/** `fe80::1%eth0` without `%eth0`. */
function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
}

/** `0:ffff:192.0.2.1` as numbers of two bytes. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const ipv4 = addressBytes(group);
    return [ipv4.readUInt16BE(0), ipv4.readUInt16BE(2)];
  });
}

function writeGroups(bytes: Buffer, groups: readonly number[], offset: number): void {
  for (const [i, group] of groups.entries()) bytes.writeUInt16BE(group, offset + i * 2);
}
