/** One run of a task: which packets to send, and until when. */
export interface Probe {
  /** Literal address of the target. */
  address: string;
  family: 4 | 6;
  /** Local address that the packets must come from; already known to be one of this host. */
  source: string | undefined;
  /** The only interface (or VRF) that the packets may use. */
  interface: string | undefined;
  count: number;
  intervalMs: number;
  /** How long one packet may take. */
  timeoutMs: number;
  /** Bytes of ICMP payload. */
  size: number;
  ttl: number;
  tos: number;
  df: boolean;
  /** ICMP identifier, 1..65535. */
  id: number;
  /** performance.now() by which every packet must be judged. */
  deadlineMs: number;
  /** Aborted: nobody waits for the outcomes any more. */
  signal: AbortSignal;
}

/** Why a packet has no reply. */
export type LossReason = 'timeout' | 'unreachable' | 'ttl_exceeded' | 'frag_needed';

/** What became of one echo request. */
export type EchoOutcome =
  | { kind: 'reply'; rttMs: number }
  /** It had its whole timeout, or the path (this host's routes and firewall included) refused it. */
  | { kind: 'lost'; reason: LossReason; evidence: string }
  /** Nothing can be said: it was never sent, or this process could not listen for its reply. Neither sent nor lost. */
  | { kind: 'unjudged'; evidence: string }
  /** This host cannot send such packets at all. */
  | { kind: 'failed'; reason: 'bind' | 'permission'; evidence: string };

/** The seam between the plugin and the network: one echo request in, one outcome out. */
export interface Echo {
  /**
   * Sends one echo request as soon as the pacing allows, and calls `done` exactly once, perhaps before it returns; not at all after
   * `probe.signal` aborted or the echo was closed.
   */
  ping(probe: Probe, done: (outcome: EchoOutcome) => void): void;
}

/** Runs a whole probe. Gives what is known when all packets are judged or the signal aborts: an outcome per judged packet, in the order of sending. */
export type Pinger = (probe: Probe) => Promise<readonly EchoOutcome[]>;
