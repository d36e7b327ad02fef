/** When a probe host is ended, and when a plugin is left out because its hosts keep dying. */
export interface HostLimits {
  /** No heartbeat for so long: it hangs. The first one may take longer, while plugins load. */
  silenceMs: number;
  firstSilenceMs: number;
  /** Resident memory at most; the heap gets three quarters of it, and the kernel gives no more memory of its own beyond five quarters. */
  maxRssBytes: number;
  /** A run that goes on so long after it was given up: the host is started anew. Doubles each time, up to ten minutes. */
  stuckMs: number;
  /** So many deaths within `windowMs` set a plugin aside for `setAsideMs`; the time doubles each time. */
  deaths: number;
  windowMs: number;
  setAsideMs: number;
}

/** The limits of the service. */
export const HOST_LIMITS: HostLimits = {
  silenceMs: 5000,
  firstSilenceMs: 15_000,
  // Under MemoryHigh of the units with room for the agent and the other hosts, so that this limit acts first.
  maxRssBytes: 256 * 2 ** 20,
  stuckMs: 30_000,
  deaths: 5,
  windowMs: 600_000,
  setAsideMs: 600_000,
};
