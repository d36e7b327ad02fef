import assert from 'node:assert/strict';
import test from 'node:test';
import type { Probe } from '../echo.js';
import { pingArguments } from '../system-ping.js';
import { parsePingOutput } from '../system-ping-output.js';

function f(stdout: string, stderr: string, want: string, elapsed = 0): void {
  const outcomes = parsePingOutput({ stdout, stderr }, { count: 3, timeoutMs: 2000, elapsed });
  const text = outcomes.map((outcome) => {
    if (outcome.kind === 'reply') return String(outcome.rttMs);
    return outcome.kind === 'unjudged' ? `unjudged` : outcome.reason;
  });
  assert.equal(text.join(' '), want);
}

const iputils = (lines: string, summary: string) =>
  `PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n${lines}\n--- 10.0.0.2 ping statistics ---\n${summary}\n`;
const line = (sequence: number, time: string, end = '') =>
  `64 bytes from 10.0.0.2: icmp_seq=${sequence} ttl=64 time=${time} ms${end}\n`;

test('output of iputils', () => {
  f(
    iputils(
      line(1, '0.050') + line(2, '10.2') + line(3, '0.070'),
      '3 packets transmitted, 3 received, 0% packet loss, time 2003ms\nrtt min/avg/max/mdev = 0.050/3.440/10.200/4.779 ms',
    ),
    '',
    '0.05 10.2 0.07',
  );
  // a lost packet, loss with decimals
  f(
    iputils(line(1, '1') + line(3, '3'), '3 packets transmitted, 2 received, 33.3333% packet loss, time 2ms'),
    '',
    '1 timeout 3',
  );
  // duplicates count once
  f(
    iputils(
      line(1, '1') + line(1, '9', ' (DUP!)') + line(2, '2'),
      '2 packets transmitted, 2 received, +1 duplicates, 0% packet loss, time 1ms',
    ),
    '',
    '1 2',
  );
  // errors of routers
  f(
    iputils(
      'From 10.0.0.1 icmp_seq=1 Destination Host Unreachable\nFrom 10.0.0.1 icmp_seq=2 Time to live exceeded\nFrom 10.0.0.1 icmp_seq=3 Frag needed and DF set (mtu = 1400)',
      '3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2041ms\npipe 3',
    ),
    '',
    'unreachable ttl_exceeded frag_needed',
  );
  // later than its timeout is no reply
  f(iputils(line(1, '2001'), '1 packets transmitted, 1 received, 0% packet loss, time 0ms'), '', 'timeout');
  // IPv6
  f(
    `PING ::1(::1) 56 data bytes\n64 bytes from ::1: icmp_seq=1 ttl=64 time=0.033 ms\nFrom fd00::1 icmp_seq=2 Destination unreachable: Address unreachable\n\n--- ::1 ping statistics ---\n2 packets transmitted, 1 received, +1 errors, 50% packet loss, time 1ms\n`,
    '',
    '0.033 unreachable',
  );
});

test('output of busybox', () => {
  f(
    'PING 10.0.0.2 (10.0.0.2): 56 data bytes\n64 bytes from 10.0.0.2: seq=0 ttl=64 time=0.117 ms\n64 bytes from 10.0.0.2: seq=2 ttl=64 time=0.140 ms\n\n--- 10.0.0.2 ping statistics ---\n3 packets transmitted, 2 packets received, 33% packet loss\nround-trip min/avg/max = 0.117/0.128/0.140 ms\n',
    '',
    '0.117 timeout 0.14',
  );
  f(
    'PING 10.0.0.2 (10.0.0.2): 56 data bytes\n',
    'ping: sendto: Network unreachable',
    'unreachable unreachable unreachable',
  );
  f('', 'ping: permission denied (are you root?)', 'permission');
});

test('ping gave up', () => {
  f('', 'ping: connect: Network is unreachable', 'unreachable unreachable unreachable');
  f('', 'ping: socktype: SOCK_RAW\nping: socket: Operation not permitted', 'permission');
  f('', 'ping: SO_BINDTODEVICE nope: No such device', 'bind');
  f('', 'ping: bind: Cannot assign requested address', 'bind');
  f('', 'ping: invalid argument', 'unjudged');
  f('', '', 'unjudged');
  // a firewall rule of this host
  f(
    iputils('', '2 packets transmitted, 0 received, 100% packet loss, time 1ms'),
    'ping: sendmsg: Operation not permitted\nping: sendmsg: Operation not permitted',
    'unreachable unreachable',
  );
  f(
    iputils('', '1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms'),
    'ping: local error: message too long, mtu=1500',
    'frag_needed',
  );
});

test('ping ended early: only packets with a reply or with their whole timeout are judged', () => {
  const head = 'PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n';
  f(head, '', '', 0);
  f(head, '', 'timeout', 1);
  f(
    head + line(2, '5'),
    'ping: Warning: source address might be selected on device other than: lo',
    'timeout 5',
    1,
  );
});

test('arguments', () => {
  const probe: Probe = {
    address: '10.0.0.2',
    family: 4,
    source: undefined,
    interface: undefined,
    count: 4,
    intervalMs: 1000,
    timeoutMs: 1500,
    size: 56,
    ttl: 64,
    tos: 0,
    df: false,
    id: 1,
    deadlineMs: 0,
    signal: new AbortController().signal,
  };
  const g = (over: Partial<Probe>, busybox: boolean, want: string) =>
    assert.equal(pingArguments({ ...probe, ...over }, busybox).join(' '), want);
  g({}, false, '-4 -n -c 4 -i 1 -W 1.5 -s 56 -t 64 -M dont 10.0.0.2');
  g(
    {
      family: 6,
      address: 'fd00::2',
      df: true,
      tos: 184,
      source: 'fd00::1',
      interface: 'eth0',
      intervalMs: 250,
    },
    false,
    '-6 -n -c 4 -i 0.25 -W 1.5 -s 56 -t 64 -M do -Q 184 -I eth0 -I fd00::1 fd00::2',
  );
  g({ interface: 'eth0' }, true, '-4 -n -c 4 -i 1 -W 2 -s 56 -t 64 -I eth0 10.0.0.2');
});
