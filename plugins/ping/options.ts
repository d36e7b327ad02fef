import type { Sdk } from '../../src/sdk/index.js';

/** The schema of a task's `config`. Durations are milliseconds in the checked value. */
export function pingConfig(field: Sdk['field']) {
  return field.section('Options of the ping plugin.', {
    host: field.text('Host name or IP address to ping.', {
      pattern: /^[^\s/]+$/,
      what: 'a host name or an IP address',
    }),
    count: field.integer('Packets sent in one run.', { default: 4, min: 1, max: 1000 }),
    interval: field.duration(
      'Time between two packets; shrinks to fit the timeout of the task when it is not given.',
      {
        default: '1s',
        min: 1,
      },
    ),
    timeout: field.duration(
      'How long to wait for the reply to a packet; shrinks to fit the timeout of the task when it is not given.',
      { default: '5s', min: 1 },
    ),
    size: field.integer('Bytes of payload in a packet.', { default: 56, min: 0, max: 65_507 }),
    ttl: field.integer('Time to live (hop limit) of a packet.', { default: 64, min: 1, max: 255 }),
    df: field.flag('Forbid routers to fragment packets, and do not fragment them here.', { default: false }),
    tos: field.integer('Type of service (traffic class): the DSCP times 4, plus the ECN bits.', {
      default: 0,
      min: 0,
      max: 255,
    }),
    source: field.text('Address of this host to send from.', { optional: true }),
    interface: field.text('Interface or VRF that packets must use.', {
      optional: true,
      pattern: /^[^\s/]{1,15}$/,
      what: 'the name of an interface',
    }),
    family: field.choice(
      'Which addresses of a name to use: ip is IPv4 when there is one.',
      ['ip', 'ip4', 'ip6'],
      {
        default: 'ip',
      },
    ),
    max_loss: field.number('Share of packets (0 to 1) that may be lost; without it one reply is enough.', {
      optional: true,
      min: 0,
      max: 1,
    }),
  });
}

/** A checked `config`. */
export interface PingConfig {
  readonly host: string;
  readonly count: number;
  readonly interval: number;
  readonly timeout: number;
  readonly size: number;
  readonly ttl: number;
  readonly df: boolean;
  readonly tos: number;
  readonly source: string | undefined;
  readonly interface: string | undefined;
  readonly family: 'ip' | 'ip4' | 'ip6';
  readonly max_loss: number | undefined;
}
