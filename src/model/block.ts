/** Samples of one route, encoded and compressed: sendable as it is. The buffer knows only this. */
export interface Block {
  /** Name of the route whose destinations all get it. */
  route: string;
  /** What the bytes are once decompressed: the series of a remote-write 1.0 WriteRequest. */
  format: 'remote_write_1';
  /** How they are compressed. */
  codec: 'snappy';
  /** Number of samples in it. */
  samples: number;
  /** Oldest and newest sample timestamp, ms. */
  minMs: number;
  maxMs: number;
  /** When its oldest sample was pushed, on the monotonic clock: `commit_interval` counts from here. */
  bornMs: number;
  bytes: Uint8Array;
}
