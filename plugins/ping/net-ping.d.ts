/** What the plugin uses of net-ping 1.2.4 and of the raw-socket 1.8.1 under it; neither ships types. */
declare module 'net-ping' {
  import type { EventEmitter } from 'node:events';

  /** The native handle of a raw socket. All calls are synchronous and throw an Error whose message is strerror's text. */
  export interface SocketWrap extends EventEmitter {
    /** One sendto(2); calls `done` before it returns. */
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      done: (bytes: number) => void,
    ): void;
    /** One recvfrom(2); calls `done` before it returns. A longer datagram is cut to the buffer. Opens a new socket when it was closed. */
    recv(buffer: Buffer, done: (buffer: Buffer, length: number, source: string) => void): void;
    /** getsockopt(2) into `value`; gives the length. */
    getOption(level: number, option: number, value: Buffer, length: number): number;
  }

  /** raw-socket's Socket. */
  export interface RawSocket extends EventEmitter {
    readonly wrap: SocketWrap;
    /** setsockopt(2) with an int, or with the first `length` bytes of a buffer. */
    setOption(level: number, option: number, value: number): void;
    setOption(level: number, option: number, value: Buffer, length: number): void;
  }

  /** Owns one raw ICMP socket; emits `error` and `close`. */
  export interface Session extends EventEmitter {
    getSocket(): RawSocket;
    close(): this;
  }

  const netPing: {
    NetworkProtocol: { IPv4: 1; IPv6: 2 };
    /** Opens the socket at once; throws when that is not permitted. */
    createSession(options: { networkProtocol: 1 | 2; retries: number }): Session;
  };
  export default netPing;
}
