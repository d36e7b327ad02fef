import { deserialize, serialize } from 'node:v8';
import { invariant } from '../lib/index.js';
import type { Missed, Resume } from '../schedule/index.js';
import type { Reason } from '../sdk/index.js';
import type { Task } from './task.js';

/** Names and labels of a run's samples, in their order. */
export interface SampleShape {
  names: string[];
  /** Name and value in turn, sorted by name; `undefined` where a sample has no labels of its own. */
  labels: (string[] | undefined)[];
}

/** The samples of a run, by columns: what crosses from a probe host to the agent. */
export interface SampleColumns {
  /** Absent when it is the shape of the task's result before: most runs give the same series, and then only numbers cross. */
  shape: SampleShape | undefined;
  values: Float64Array;
  /** Milliseconds; NaN where a sample has none of its own. Absent when none has. */
  timestamps: Float64Array | undefined;
}

/** What a run gave. */
export interface RunResult {
  plannedMs: number;
  startedMs: number;
  finishedMs: number;
  ok: boolean;
  reason: Reason | undefined;
  evidence: string | undefined;
  samples: SampleColumns;
}

/** From the agent to a probe host. `hello` comes first and once. */
export type ToHost =
  | {
      kind: 'hello';
      plugins: { directory: string; builtin: boolean }[];
      hostConfig: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      /** Begins the phase text of every task, so that agents with the same tasks spread. */
      agentName: string;
      credits: number;
    }
  | {
      kind: 'tasks';
      add: Task[];
      remove: string[];
      /** Where the host before this one left those of `add` that it ran. */
      resume?: ReadonlyMap<string, Resume>;
    }
  | { kind: 'credit'; count: number }
  | { kind: 'stop' };

/** From a probe host to the agent. */
export type ToAgent =
  /** A run begins. Sent before the plugin gets a word, so that the agent knows what ran when a host dies. */
  | { kind: 'started'; id: string; plannedMs: number }
  | { kind: 'result'; id: string; result: RunResult }
  | { kind: 'problem'; id: string; message: string }
  | { kind: 'aborted'; id: string }
  /** The task has been taken off: this is the last that comes of it. */
  | { kind: 'removed'; id: string }
  | { kind: 'skipped'; id: string; ticks: number; lastMs: number }
  | { kind: 'missed'; id: string; missed: Missed }
  | {
      kind: 'heartbeat';
      worstLoopDelayMs: number;
      droppedResults: number;
      droppedLines: number;
      /** How long the run that was given up first has gone on since; 0 without one. */
      stuckMs: number;
    }
  | {
      kind: 'log';
      level: 'debug' | 'info' | 'warn' | 'error';
      fields: Record<string, unknown>;
      message: string;
    }
  | { kind: 'stopped' };

/** The longest frame that is believed; a longer one is a broken stream. */
const MAX_FRAME_BYTES = 256 * 2 ** 20;
const HEADER_BYTES = 4;
/** What `v8.serialize` begins with, so that bytes that are no message are known at once. */
const FIRST_BYTE = 0xff;

/** A message as it goes over the stream: its length (4 bytes, little-endian), then `v8.serialize` (JSON would turn NaN and Inf into null). */
export function encodeFrame<M extends { kind: string }>(message: M): Buffer {
  const body = serialize(message);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, HEADER_BYTES);
  return frame;
}

/** Cuts a byte stream back into messages. */
export class FrameReader<M extends { kind: string }> {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Takes bytes as they come and gives the messages that are whole now. Throws on bytes that are no message. */
  *push(chunk: Buffer): Generator<M> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= HEADER_BYTES) {
      const length = this.#joined(HEADER_BYTES).readUInt32LE(0);
      invariant(length <= MAX_FRAME_BYTES, `frame of ${length} bytes`);
      if (this.#bytes > HEADER_BYTES)
        invariant(this.#joined(HEADER_BYTES + 1)[HEADER_BYTES] === FIRST_BYTE, 'frame without a message');
      if (this.#bytes < HEADER_BYTES + length) return;
      const all = this.#joined(HEADER_BYTES + length);
      this.#chunks = all.length > HEADER_BYTES + length ? [all.subarray(HEADER_BYTES + length)] : [];
      this.#bytes -= HEADER_BYTES + length;
      const message = deserialize(all.subarray(HEADER_BYTES, HEADER_BYTES + length)) as M | undefined;
      invariant(typeof message?.kind === 'string', 'frame without a kind');
      yield message;
    }
  }

  /** The first chunk, joined with as many of the next as `bytes` needs. */
  #joined(bytes: number): Buffer {
    const first = this.#chunks[0]!;
    if (first.length >= bytes) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
