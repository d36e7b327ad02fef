import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { addressBytes, buildEcho, parseIcmp, withIpv4Header, withIpv6Header } from '../icmp-packet.js';

const nonce = Buffer.from('0102030405060708', 'hex');
const ip4 = {
  source: addressBytes('192.0.2.9'),
  target: addressBytes('192.0.2.1'),
  ttl: 64,
  tos: 0,
  df: false,
};
const ip6 = {
  source: addressBytes('2001:db8::9'),
  target: addressBytes('2001:db8::1'),
  ttl: 64,
  tos: 0,
  df: false,
};

test('buildEcho: type, checksum, id, sequence, nonce, counting payload', () => {
  const f = (family: 4 | 6, size: number, want: string) =>
    assert.equal(buildEcho({ family, id: 0x1234, sequence: 7 }, size, nonce).toString('hex'), want);

  f(4, 0, '0800e5c412340007');
  // less room than the nonce needs
  f(4, 3, '0800e1c212340007' + '010203');
  f(4, 10, '0800cda712340007' + '0102030405060708' + '0809');
  // the kernel sets the checksum of ICMPv6
  f(6, 8, '8000000012340007' + '0102030405060708');
});

test('own IP headers', () => {
  const icmp4 = buildEcho({ family: 4, id: 1, sequence: 2 }, 0, nonce);
  assert.equal(
    withIpv4Header(icmp4, { ...ip4, ttl: 3, tos: 0xb8, df: true }).toString('hex'),
    `45b8001c000040000301000${'0c0000209c0000201'}${icmp4.toString('hex')}`,
  );
  const icmp6 = buildEcho({ family: 6, id: 1, sequence: 2 }, 1, nonce);
  const packet = withIpv6Header(icmp6, { ...ip6, tos: 0xb8 });
  assert.equal(packet.subarray(0, 8).toString('hex'), '6b80000000093a40');
  assert.equal(
    packet.subarray(8, 40).toString('hex'),
    '20010db8000000000000000000000009' + '20010db8000000000000000000000001',
  );
  // RFC 1071: with its checksum in place the sum over pseudo-header and message is all ones.
  let sum = 9 + 58;
  for (let i = 8; i < packet.length; i += 2) sum += (packet[i]! << 8) + (packet[i + 1] ?? 0);
  assert.equal((sum & 0xffff) + (sum >>> 16), 0xffff);
});

/** An ICMP message as a raw socket gives it. */
function received(family: 4 | 6, type: number, code: number, rest: Buffer): Buffer {
  const icmp = Buffer.concat([Buffer.from([type, code, 0, 0]), rest]);
  return family === 4 ? withIpv4Header(icmp, ip4) : icmp;
}

test('parseIcmp: replies', () => {
  const f = (family: 4 | 6, type: number, want: string) => {
    const message = parseIcmp(family, received(family, type, 0, Buffer.from('12340007aabb', 'hex')));
    const text =
      message?.kind === 'reply'
        ? `${message.id} ${message.sequence} ${message.payload.toString('hex')}`
        : 'none';
    assert.equal(text, want);
  };
  f(4, 0, '4660 7 aabb');
  f(6, 129, '4660 7 aabb');
  // requests (our own on loopback) and the other family's types
  f(4, 8, 'none');
  f(6, 128, 'none');
  f(4, 129, 'none');
});

test('parseIcmp: errors about our packets', () => {
  const quoted4 = withIpv4Header(buildEcho({ family: 4, id: 9, sequence: 8 }, 0, nonce), ip4);
  const quoted6 = withIpv6Header(buildEcho({ family: 6, id: 9, sequence: 8 }, 0, nonce), ip6);
  const fragment6 = Buffer.concat([
    quoted6.subarray(0, 40),
    Buffer.from('3a00000100000001', 'hex'),
    quoted6.subarray(40),
  ]);
  fragment6[6] = 44;
  const f = (family: 4 | 6, [type, code, field]: number[], quoted: Buffer, want: string) => {
    const rest = Buffer.alloc(4);
    rest.writeUInt32BE(field ?? 0);
    const message = parseIcmp(family, received(family, type!, code!, Buffer.concat([rest, quoted])));
    const text =
      message?.kind === 'error'
        ? `${message.id} ${message.sequence} ${message.target.at(-1)} ${message.reason}: ${message.text}`
        : 'none';
    assert.equal(text, want);
  };
  f(4, [3, 0], quoted4, '9 8 1 unreachable: network unreachable');
  f(4, [3, 1], quoted4, '9 8 1 unreachable: host unreachable');
  f(4, [3, 13], quoted4, '9 8 1 unreachable: filtered');
  f(4, [3, 15], quoted4, '9 8 1 unreachable: unreachable (code 15)');
  f(4, [3, 4, 1400], quoted4, '9 8 1 frag_needed: packet too big, MTU 1400');
  f(4, [11, 0], quoted4, '9 8 1 ttl_exceeded: TTL exceeded');
  f(4, [11, 1], quoted4, '9 8 1 timeout: fragments lost on the way');
  f(4, [12, 0], quoted4, '9 8 1 unreachable: parameter problem');
  f(6, [1, 3], quoted6, '9 8 1 unreachable: address unreachable');
  f(6, [2, 0, 1280], quoted6, '9 8 1 frag_needed: packet too big, MTU 1280');
  f(6, [3, 0], quoted6, '9 8 1 ttl_exceeded: TTL exceeded');
  f(6, [4, 1], quoted6, '9 8 1 unreachable: parameter problem');
  // our packet was sent in fragments
  f(6, [3, 0], fragment6, '9 8 1 ttl_exceeded: TTL exceeded');
  // they do not end a packet
  f(4, [5, 1], quoted4, 'none');
  f(4, [4, 0], quoted4, 'none');
  // about somebody's UDP
  const udp = Buffer.from(quoted4);
  udp[9] = 17;
  f(4, [3, 3], udp, 'none');
  // about an echo reply of ours
  const reply = Buffer.from(quoted4);
  reply[20] = 0;
  f(4, [3, 3], reply, 'none');
  // cut short
  f(4, [3, 3], quoted4.subarray(0, 27), 'none');
  f(6, [1, 3], quoted6.subarray(0, 47), 'none');
  f(4, [3, 3], Buffer.alloc(0), 'none');
});

test('parseIcmp never throws', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4 as const, 6 as const),
      fc.uint8Array({ maxLength: 120 }),
      fc.nat(255),
      (family, bytes, first) => {
        const buffer = Buffer.from(bytes);
        if (buffer.length > 20) [buffer[0], buffer[20]] = [family === 4 ? 0x45 : first, first];
        parseIcmp(family, buffer);
      },
    ),
  );
});

test('addressBytes', () => {
  const f = (address: string, want: string) => assert.equal(addressBytes(address).toString('hex'), want);
  f('192.0.2.1', 'c0000201');
  f('::', '0'.repeat(32));
  f('::1', '1'.padStart(32, '0'));
  f('2001:db8::1', '20010db8000000000000000000000001');
  f('fe80::1%eth0', 'fe800000000000000000000000000001');
  f('1:2:3:4:5:6:7:8', '00010002000300040005000600070008');
  f('::ffff:192.0.2.1', '00000000000000000000ffffc0000201');
  f('fd00::', 'fd000000000000000000000000000000');
});
