import { isMainThread } from 'node:worker_threads';
import type netPingModule from 'net-ping';
import type { RawSocket, Session } from 'net-ping';

type NetPing = typeof netPingModule;

// Linux's numbers: socket(7), ip(7), ipv6(7), raw(7), linux/icmp.h, linux/icmpv6.h, linux/in6.h.
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const SOL_ICMPV6 = 58;
const ICMPV6_FILTER = 1;
const SOL_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_HDRINCL = 3;
const IP_MTU_DISCOVER = 10;
const SOL_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MTU_DISCOVER = 23;
const IPV6_HDRINCL = 36;
const IPV6_DONTFRAG = 62;
const IPV6_TCLASS = 67;
const PMTUDISC_DONT = 0;
const PMTUDISC_WANT = 1;
/** Sets DF and ignores what the kernel has learned of the path: each packet asks the path itself. */
const PMTUDISC_PROBE = 3;

/** Room for the replies that come while this process does not run. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** Packets that wait for a neighbour's address count against it for seconds, and one full socket would stop all pings. */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;
/** Headers and nonce are all that is read of a reply. */
const DATAGRAM_BYTES = 2048;

/** strerror's texts (glibc, then musl where it differs): all that raw-socket tells of an error. */
const ERROR_CODES: Readonly<Record<string, string>> = {
  'Operation not permitted': 'EPERM',
  'Permission denied': 'EACCES',
  'No such device': 'ENODEV',
  'No such device or address': 'ENXIO',
  'Invalid argument': 'EINVAL',
  'Resource temporarily unavailable': 'EAGAIN',
  'No buffer space available': 'ENOBUFS',
  'Cannot allocate memory': 'ENOMEM',
  'Out of memory': 'ENOMEM',
  'Message too long': 'EMSGSIZE',
  'Message too large': 'EMSGSIZE',
  'Address family not supported by protocol': 'EAFNOSUPPORT',
  'Cannot assign requested address': 'EADDRNOTAVAIL',
  'Address not available': 'EADDRNOTAVAIL',
  'Network is down': 'ENETDOWN',
  'Network is unreachable': 'ENETUNREACH',
  'Network unreachable': 'ENETUNREACH',
  'No route to host': 'EHOSTUNREACH',
  'Host is unreachable': 'EHOSTUNREACH',
  'Host is down': 'EHOSTDOWN',
};

/** The code of an error of raw-socket; empty when it is none that is known here. */
export function socketErrorCode(error: unknown): string {
  return error instanceof Error ? (ERROR_CODES[error.message] ?? '') : '';
}

/** How one packet is to leave. With `ownHeader` the packet brings its IP header, and ttl, tos and df in it. */
export interface SendOptions {
  ownHeader: boolean;
  ttl: number;
  tos: number;
  df: boolean;
}

/** Written when a packet is sent. */
export interface SendStamp {
  /** performance.now() just before. */
  sentMs: number;
  /** `drops()` of the socket just before. */
  drops: number;
}

/** Gets each datagram (IPv4: with its IP header) and the performance.now() of its arrival. The buffer is used again after it returns. */
type OnDatagram = (datagram: Buffer, from: string, arrivedMs: number) => void;

/** Sockets that are open. Nothing in libuv refers to the JavaScript object of a raw socket: without this set it is collected, and silently closed. */
const OPEN = new Set<IcmpSocket>();

/** Loads net-ping and its native raw-socket. Throws when it is not built for this Node, or in a worker thread (it polls on the main loop, and crashes there). */
export async function loadNetPing(): Promise<NetPing> {
  if (!isMainThread) throw new Error('raw sockets do not work in a worker thread');
  return (await import('net-ping')).default;
}

/**
 * One raw ICMP socket: net-ping's session opens and closes it. Sending and receiving go to raw-socket's handle below it, because both
 * queue in net-ping (a packet leaves a turn of the event loop later, and clocks are Dates of whole milliseconds).
 */
export class IcmpSocket {
  readonly family: 4 | 6;
  readonly #session: Session;
  readonly #socket: RawSocket;
  readonly #onDatagram: OnDatagram;
  readonly #buffer = Buffer.alloc(DATAGRAM_BYTES);
  readonly #memory = Buffer.alloc(36);
  /** What was set last, by level and option. */
  readonly #options = new Map<number, number>();
  #arrivedMs = 0;
  #polled = false;
  #closed = false;

  /** Throws raw-socket's errors: see `socketErrorCode`. `onError` is told once when the socket broke; it is closed then. */
  constructor(
    netPing: NetPing,
    place: { family: 4 | 6; interface: string | undefined },
    onDatagram: OnDatagram,
    onError: (error: Error) => void,
  ) {
    this.family = place.family;
    this.#onDatagram = onDatagram;
    const networkProtocol = netPing.NetworkProtocol[place.family === 4 ? 'IPv4' : 'IPv6'];
    this.#session = netPing.createSession({ networkProtocol, retries: 0 });
    this.#socket = this.#session.getSocket();
    this.#session.on('error', (error: Error) => {
      if (this.#closed) return;
      this.close();
      onError(error);
    });
    try {
      this.#filter();
      if (place.interface !== undefined) this.#bindTo(place.interface);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#setBufferSizes();
    // raw-socket's own listener would hand over one datagram per turn of the event loop, stamped after it was read.
    this.#socket.wrap.removeAllListeners('recvReady');
    this.#socket.wrap.on('recvReady', () => {
      this.#polled = true;
      this.drain();
      this.#polled = false;
    });
    OPEN.add(this);
  }

  /** Sends one packet at once, and writes the stamp. Throws raw-socket's errors. */
  send(packet: Buffer, address: string, options: SendOptions & SendStamp): void {
    // raw-socket would open the socket again, without its filter and bindings.
    if (this.#closed) throw new Error('the socket is closed');
    if (this.family === 4) this.#prepare4(options);
    else this.#prepare6(options);
    // The last thing before the stamp: after a pause the way into the kernel is out of the CPU's caches, and fetching it would be timed (5 us).
    options.drops = this.drops();
    options.sentMs = performance.now();
    this.#socket.wrap.send(packet, 0, packet.length, address, IGNORE);
  }

  /** Reads all that has come. */
  drain(): void {
    if (this.#closed) return;
    // Asking first is ten times cheaper than the exception that reading an empty socket is.
    do {
      this.#arrivedMs = performance.now();
      if (this.#queuedBytes() === 0) return;
    } while (this.#read());
  }

  /** In a callback that raw-socket makes by itself: Node will not look at promises and ticks when it returns, but only when something else happens. */
  get polled(): boolean {
    return this.#polled;
  }

  /** Datagrams that the kernel had to drop so far because the receive buffer was full. */
  drops(): number {
    this.#queuedBytes();
    return this.#memory.readUInt32LE(32);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    OPEN.delete(this);
    this.#session.close();
  }

  /** SO_MEMINFO (Linux 4.12): nine numbers, of which the first is what waits to be read and the last the drops. */
  #queuedBytes(): number {
    this.#socket.wrap.getOption(SOL_SOCKET, SO_MEMINFO, this.#memory, this.#memory.length);
    return this.#memory.readUInt32LE(0);
  }

  #read(): boolean {
    try {
      this.#socket.wrap.recv(this.#buffer, this.#onRead);
      return true;
    } catch (error) {
      // EAGAIN: what waited was not for us. Others (the interface went down) say nothing about a packet: its timeout judges.
      if (!(error instanceof Error && 'message' in error)) throw error;
      return false;
    }
  }

  readonly #onRead = (buffer: Buffer, length: number, from: string): void => {
    this.#onDatagram(buffer.subarray(0, length), from, this.#arrivedMs);
  };

  /** Only replies and errors wake the process. A set bit blocks its type. */
  #filter(): void {
    const pass = this.family === 4 ? [0, 3, 11, 12] : [1, 2, 3, 4, 129];
    const mask = Buffer.alloc(this.family === 4 ? 4 : 32, 0xff);
    for (const type of pass) {
      const word = (type >> 5) * 4;
      mask.writeUInt32LE((mask.readUInt32LE(word) & ~(1 << (type & 31))) >>> 0, word);
    }
    if (this.family === 4) this.#socket.setOption(SOL_RAW, ICMP_FILTER, mask, mask.length);
    else this.#socket.setOption(SOL_ICMPV6, ICMPV6_FILTER, mask, mask.length);
  }

  #bindTo(name: string): void {
    const value = Buffer.from(`${name}\0`);
    this.#socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, value, value.length);
  }

  #setBufferSizes(): void {
    for (const [force, plain, bytes] of [
      [SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_BYTES],
      [SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES],
    ] as const) {
      try {
        this.#socket.setOption(SOL_SOCKET, force, bytes);
      } catch {
        // Without CAP_NET_ADMIN the sysctl net.core.rmem_max (wmem_max) is the limit, and the kernel cuts to it without an error.
        this.#socket.setOption(SOL_SOCKET, plain, bytes);
      }
    }
  }

  #prepare4(options: SendOptions): void {
    this.#set(SOL_IP, IP_HDRINCL, options.ownHeader ? 1 : 0);
    if (options.ownHeader) return;
    this.#set(SOL_IP, IP_TTL, options.ttl);
    this.#set(SOL_IP, IP_TOS, options.tos);
    this.#set(SOL_IP, IP_MTU_DISCOVER, options.df ? PMTUDISC_PROBE : PMTUDISC_DONT);
  }

  #prepare6(options: SendOptions): void {
    this.#set(SOL_IPV6, IPV6_HDRINCL, options.ownHeader ? 1 : 0);
    if (options.ownHeader) return;
    this.#set(SOL_IPV6, IPV6_UNICAST_HOPS, options.ttl);
    this.#set(SOL_IPV6, IPV6_TCLASS, options.tos);
    this.#set(SOL_IPV6, IPV6_MTU_DISCOVER, options.df ? PMTUDISC_PROBE : PMTUDISC_WANT);
    this.#set(SOL_IPV6, IPV6_DONTFRAG, options.df ? 1 : 0);
  }

  #set(level: number, option: number, value: number): void {
    const key = level * 1000 + option;
    if (this.#options.get(key) === value) return;
    this.#socket.setOption(level, option, value);
    this.#options.set(key, value);
  }
}

const IGNORE = () => {};
