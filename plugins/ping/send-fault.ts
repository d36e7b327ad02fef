import type { EchoOutcome, Probe } from './echo.js';

/** Why a packet could not be sent: an outcome, or no room in the kernel at the moment. */
type SendFault = EchoOutcome | { kind: 'no_room' };

/** How to let a process open raw sockets; for logs and evidence. */
export const PERMISSION_HELP =
  'raw ICMP sockets are not permitted; run as root, or run `setcap cap_net_raw+ep $(readlink -f $(command -v node))`, or set AmbientCapabilities=CAP_NET_RAW in the systemd unit';

const NO_ROOM = ['EAGAIN', 'ENOBUFS', 'ENOMEM'];
/** Codes of a socket whose interface was removed; it never works again, also when the interface comes back. */
export const INTERFACE_GONE: readonly string[] = ['ENODEV', 'ENXIO'];

/** What this host's own path says at once instead of sending. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENETUNREACH: 'no route to the network',
  EHOSTUNREACH: 'no route to the host',
  EHOSTDOWN: 'host is down',
  ENETDOWN: 'the interface is down',
  EADDRNOTAVAIL: 'this host has no address to send from',
  EAFNOSUPPORT: 'this host does not have this address family',
  EPERM: 'a firewall rule of this host forbids the packet',
  EACCES: 'a route of this host prohibits the packet, or it is a broadcast address',
  ENODEV: 'the interface of the route is gone',
  ENXIO: 'the interface of the route is gone',
  EINVAL: 'the route is a blackhole, or the address needs an interface',
};

/**
 * Reads the error `code` of opening a socket or (`opened`) of sending on it. What the path refuses is loss; what this host cannot do as configured is a
 * failure without a measurement. `undefined` for an error that is not known here.
 */
export function sendFault(code: string, probe: Probe, opened: boolean): SendFault | undefined {
  if (!opened && (code === 'EPERM' || code === 'EACCES'))
    return { kind: 'failed', reason: 'permission', evidence: PERMISSION_HELP };
  if (INTERFACE_GONE.includes(code) && probe.interface !== undefined)
    return { kind: 'failed', reason: 'bind', evidence: `there is no interface "${probe.interface}"` };
  if (NO_ROOM.includes(code)) return { kind: 'no_room' };
  if (code === 'EMSGSIZE') return tooLong(probe);
  const text = REFUSALS[code];
  return text === undefined
    ? undefined
    : { kind: 'lost', reason: 'unreachable', evidence: `${text} (${code})` };
}

function tooLong(probe: Probe): SendFault {
  if (probe.df || probe.source === undefined)
    return { kind: 'lost', reason: 'frag_needed', evidence: 'longer than the MTU of the interface' };
  // The kernel does not cut packets that bring their own header. Sending from another address instead would measure another path.
  return {
    kind: 'failed',
    reason: 'bind',
    evidence: `with \`source\` a packet cannot be longer than the MTU of the interface; make size smaller than ${probe.size}`,
  };
}
