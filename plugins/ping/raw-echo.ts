import { randomBytes, randomInt } from 'node:crypto';
import { SocketAddress } from 'node:net';
import type netPingModule from 'net-ping';
import type { Echo, EchoOutcome, Probe } from './echo.js';
import {
  addressBytes,
  buildEcho,
  type IcmpMessage,
  parseIcmp,
  withIpv4Header,
  withIpv6Header,
} from './icmp-packet.js';
import { IcmpSocket, type SendOptions, type SendStamp, socketErrorCode } from './icmp-socket.js';
import type { Pacer } from './pacer.js';
import { INTERFACE_GONE, sendFault } from './send-fault.js';
import type { Alarm, TimerQueue } from './timer-queue.js';

/** Sequence numbers are two bytes: the most packets that can be in flight in one process. */
const SEQUENCES = 65_536;
/** Pause before a packet is tried again that the kernel had no room for. */
const NO_ROOM_PAUSE_MS = 5;
/** A reply that is read this much after its timeout was read late, not necessarily sent late. */
const HELD_UP_MS = 50;
/** Time kept between the last possible reply and the deadline of the run. */
const SETTLE_MS = 10;

type Done = (outcome: EchoOutcome) => void;

/** A packet that has no outcome yet. */
interface InFlight extends SendOptions, SendStamp {
  socket: IcmpSocket;
  id: number;
  sequence: number;
  /** As the kernel writes it: the source of its reply. */
  address: string;
  target: Buffer;
  /** The nonce, or what of it fits in the payload. */
  nonce: Buffer;
  packet: Buffer;
  timeoutMs: number;
  /** At its timeout; absent while it is sent. */
  expiry: Alarm | undefined;
  done: Done;
}

/** Sends echo requests through raw sockets that all tasks of the process share, one per family and interface. */
export class RawEcho implements Echo {
  readonly #netPing: typeof netPingModule;
  readonly #pacer: Pacer;
  readonly #timers: TimerQueue;
  readonly #sockets = new Map<string, IcmpSocket>();
  readonly #inFlight: (InFlight | undefined)[] = new Array(SEQUENCES).fill(undefined);
  /** Process ids and sequences of two containers may be equal: the nonce is not. Its last four bytes count packets. */
  readonly #nonce = randomBytes(8);
  #sequence = randomInt(SEQUENCES);
  /** Outcomes to tell in the next turn. */
  #settled: (() => void)[] = [];
  #closed = false;

  constructor(netPing: typeof netPingModule, pacer: Pacer, timers: TimerQueue) {
    this.#netPing = netPing;
    this.#pacer = pacer;
    this.#timers = timers;
  }

  /** Opens the socket of a family; throws raw-socket's errors. To find out early whether raw sockets are permitted. */
  open(family: 4 | 6): void {
    this.#socketFor(family, undefined);
  }

  ping(probe: Probe, done: Done): void {
    this.#pacer.push(() => this.#send(probe, done));
  }

  /** Gives no outcome any more. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
    this.#inFlight.fill(undefined);
    this.#settled = [];
  }

  /** Says whether a packet went out. */
  #send(probe: Probe, done: Done): boolean {
    if (this.#closed || probe.signal.aborted) return false;
    const timeoutMs = Math.min(probe.timeoutMs, probe.deadlineMs - SETTLE_MS - performance.now());
    // What resolving and pacing have taken is missing at the end. A packet that would have less than half its time is not sent: its silence would say nothing.
    if (timeoutMs < probe.timeoutMs / 2) {
      done({
        kind: 'unjudged',
        evidence:
          'not sent: its turn came too late before the deadline; raise plugins.config.ping.packets_per_second or the timeout of the task',
      });
      return false;
    }
    const sequence = this.#freeSequence();
    const fault =
      sequence === undefined
        ? ({ kind: 'no_room' } as const)
        : this.#trySend(probe, { sequence, timeoutMs }, done);
    if (fault === undefined) return true;
    if (fault.kind === 'no_room')
      this.#timers.at(performance.now() + NO_ROOM_PAUSE_MS, () => this.ping(probe, done));
    else done(fault);
    return false;
  }

  #trySend(probe: Probe, { sequence, timeoutMs }: { sequence: number; timeoutMs: number }, done: Done) {
    let socket: IcmpSocket | undefined;
    try {
      socket = this.#socketFor(probe.family, probe.interface);
      const inFlight = this.#prepare(probe, { socket, sequence, timeoutMs, done });
      this.#inFlight[sequence] = inFlight;
      socket.send(inFlight.packet, probe.address, inFlight);
      // A reply from this host or its neighbour is there already: nothing else before it is read, for it would be timed as well.
      socket.drain();
      if (this.#inFlight[sequence] === inFlight)
        inFlight.expiry = this.#timers.at(inFlight.sentMs + timeoutMs, () => this.#expire(inFlight));
    } catch (error) {
      this.#inFlight[sequence] = undefined;
      const code = socketErrorCode(error);
      const fault = sendFault(code, probe, socket !== undefined) ?? unexplained(error);
      if (socket !== undefined && INTERFACE_GONE.includes(code)) this.#discard(socket);
      return fault;
    }
    return undefined;
  }

  /** All that can be done before the packet is stamped and sent. */
  #prepare(probe: Probe, place: Pick<InFlight, 'socket' | 'sequence' | 'timeoutMs' | 'done'>): InFlight {
    this.#nonce.writeUInt32BE((this.#nonce.readUInt32BE(4) + 1) >>> 0, 4);
    const header = { family: probe.family, id: probe.id, sequence: place.sequence };
    const echo = buildEcho(header, probe.size, this.#nonce);
    const target = addressBytes(probe.address);
    return {
      ...place,
      id: probe.id,
      address: canonical(probe),
      target,
      nonce: echo.subarray(8, 8 + Math.min(probe.size, this.#nonce.length)),
      packet: withHeader(echo, probe, target),
      ownHeader: probe.source !== undefined,
      ttl: probe.ttl,
      tos: probe.tos,
      df: probe.df,
      expiry: undefined,
      sentMs: 0,
      drops: 0,
    };
  }

  /** Not of the last ones given out, so that a late reply meets no new packet; `undefined` when all are in flight. */
  #freeSequence(): number | undefined {
    for (let i = 0; i < SEQUENCES; i++) {
      this.#sequence = (this.#sequence + 1) % SEQUENCES;
      if (this.#inFlight[this.#sequence] === undefined) return this.#sequence;
    }
    return undefined;
  }

  #socketFor(family: 4 | 6, name: string | undefined): IcmpSocket {
    const key = `${family} ${name ?? ''}`;
    let socket = this.#sockets.get(key);
    if (socket === undefined) {
      const created: IcmpSocket = new IcmpSocket(
        this.#netPing,
        { family, interface: name },
        (datagram, from, arrivedMs) =>
          this.#receive(created, parseIcmp(family, datagram), { from, arrivedMs }),
        () => this.#discard(created),
      );
      socket = created;
      this.#sockets.set(key, socket);
    }
    return socket;
  }

  /** Forgets a socket that cannot be used any more (its interface is gone): the next packet opens a new one. */
  #discard(socket: IcmpSocket): void {
    for (const [key, known] of this.#sockets) if (known === socket) this.#sockets.delete(key);
    socket.close();
    for (const inFlight of this.#inFlight) {
      if (inFlight?.socket === socket)
        this.#end(inFlight, { kind: 'unjudged', evidence: 'its socket broke before a reply came' });
    }
  }

  #receive(
    socket: IcmpSocket,
    message: IcmpMessage | undefined,
    { from, arrivedMs }: { from: string; arrivedMs: number },
  ): void {
    if (message === undefined) return;
    const inFlight = this.#inFlight[message.sequence];
    if (inFlight === undefined || inFlight.socket !== socket || inFlight.id !== message.id) return;
    if (message.kind === 'error') {
      if (message.target.equals(inFlight.target))
        this.#end(inFlight, {
          kind: 'lost',
          reason: message.reason,
          evidence: `${message.text}, from ${from}`,
        });
      return;
    }
    const { nonce } = inFlight;
    if (from !== inFlight.address || !message.payload.subarray(0, nonce.length).equals(nonce)) return;
    const rttMs = arrivedMs - inFlight.sentMs;
    if (rttMs <= inFlight.timeoutMs) this.#end(inFlight, { kind: 'reply', rttMs });
    else if (rttMs > inFlight.timeoutMs + HELD_UP_MS) this.#end(inFlight, HELD_UP);
  }

  #expire(inFlight: InFlight): void {
    if (this.#inFlight[inFlight.sequence] !== inFlight) return;
    // After a pause of this process timers run before the socket is read: what has come must not be called lost.
    inFlight.socket.drain();
    if (this.#inFlight[inFlight.sequence] !== inFlight) return;
    const overflowed = inFlight.socket.drops() !== inFlight.drops;
    this.#end(inFlight, overflowed ? OVERFLOWED : silence(inFlight.timeoutMs));
  }

  #end(inFlight: InFlight, outcome: EchoOutcome): void {
    this.#inFlight[inFlight.sequence] = undefined;
    if (inFlight.expiry !== undefined) this.#timers.drop(inFlight.expiry);
    if (!inFlight.socket.polled) inFlight.done(outcome);
    else if (this.#settled.push(() => inFlight.done(outcome)) === 1) setImmediate(() => this.#tell());
  }

  #tell(): void {
    const settled = this.#settled;
    this.#settled = [];
    for (const tell of settled) tell();
  }
}

const HELD_UP: EchoOutcome = {
  kind: 'unjudged',
  evidence: 'this process was held up while the reply was due',
};
const OVERFLOWED: EchoOutcome = {
  kind: 'unjudged',
  evidence: 'the receive buffer overflowed while the reply was due',
};

/** Not thrown: packets go out behind timers, where an error would end the process and with it every other ping. */
function unexplained(error: unknown): EchoOutcome {
  return { kind: 'unjudged', evidence: `cannot send: ${error instanceof Error ? error.message : error}` };
}

function silence(timeoutMs: number): EchoOutcome {
  return { kind: 'lost', reason: 'timeout', evidence: `no reply within ${Math.round(timeoutMs)}ms` };
}

function withHeader(echo: Buffer, probe: Probe, target: Buffer): Buffer {
  if (probe.source === undefined) return echo;
  const header = { ...probe, source: addressBytes(probe.source), target };
  return probe.family === 4 ? withIpv4Header(echo, header) : withIpv6Header(echo, header);
}

/** The target as the kernel writes a sender's address: shortest form, no zone. */
function canonical(probe: Probe): string {
  if (probe.family === 4) return probe.address;
  return new SocketAddress({ address: probe.address.split('%')[0]!, family: 'ipv6' }).address;
}
