import type { EchoOutcome, LossReason } from './echo.js';

/** What a run of the system's ping printed. */
export interface PingOutput {
  stdout: string;
  stderr: string;
}

/** What is needed beside the output to judge packets without a line of their own. */
interface Expected {
  count: number;
  timeoutMs: number;
  /** The first packets, so many, have had their whole timeout when there is no summary (the run was ended early). */
  elapsed: number;
}

const REPLY = /^\d+ bytes from .*?(?:icmp_seq|seq)=(\d+).*? time=([\d.]+) ms(.*)$/;
const ERROR = /^From .*?(?:icmp_seq|seq)=(\d+) (.+)$/;
const TRANSMITTED = /^(\d+) packets transmitted/m;

/** Words of iputils and busybox, on either stream. */
const LOSSES: readonly [RegExp, LossReason][] = [
  [/time to live exceeded|hop limit|time exceeded: ?hop/i, 'ttl_exceeded'],
  [/frag(mentation)? needed|packet too big|message too long/i, 'frag_needed'],
  [/unreachable|no route|prohibited|packet filtered|operation not permitted|network is down/i, 'unreachable'],
];

const BIND =
  /unknown iface|so_bindtodevice|bind: |bind device|cannot assign requested address|invalid source|setsockopt\(SO_BINDTODEVICE\)/i;
const PERMISSION = /socket: (operation not permitted|permission denied)|lacking privilege|are you root/i;

/** Reads the output of iputils' or busybox's ping: an outcome per packet, in the order of sending. */
export function parsePingOutput(output: PingOutput, expected: Expected): readonly EchoOutcome[] {
  const stderr = output.stderr.trim();
  const fault = faultOf(stderr);
  if (fault !== undefined) return [fault];
  const lines = output.stdout.split('\n');
  const heard = readLines(lines, expected.timeoutMs);
  const transmitted = TRANSMITTED.exec(output.stdout)?.[1];
  if (transmitted === undefined) {
    const started = lines.some((line) => line.startsWith('PING ')) && lossOf(stderr) === undefined;
    return started || heard.size > 0 ? withoutSummary(heard, expected) : notStarted(stderr, expected);
  }
  // busybox counts packets from 0, iputils from 1.
  const first = heard.has(0) ? 0 : 1;
  return Array.from(
    { length: Number(transmitted) },
    (_, i) => heard.get(first + i) ?? silence(stderr, expected),
  );
}

function readLines(lines: readonly string[], timeoutMs: number): Map<number, EchoOutcome> {
  const heard = new Map<number, EchoOutcome>();
  for (const line of lines) {
    const reply = REPLY.exec(line);
    const error = reply === null ? ERROR.exec(line) : null;
    const sequence = Number((reply ?? error)?.[1]);
    // The first word about a packet counts: what follows are duplicates.
    if (Number.isNaN(sequence) || heard.has(sequence)) continue;
    if (reply !== null && Number(reply[2]) <= timeoutMs)
      heard.set(sequence, { kind: 'reply', rttMs: Number(reply[2]) });
    if (error !== null) {
      const reason = lossOf(error[2]!);
      if (reason !== undefined) heard.set(sequence, { kind: 'lost', reason, evidence: line });
    }
  }
  return heard;
}

/** It gave up at the first packet: `connect: Network is unreachable`. */
function notStarted(stderr: string, expected: Expected): readonly EchoOutcome[] {
  const reason = lossOf(stderr);
  if (reason === undefined) return [{ kind: 'unjudged', evidence: stderr || 'ping printed nothing' }];
  return Array.from({ length: expected.count }, () => ({ kind: 'lost', reason, evidence: stderr }));
}

/** It was ended early. */
function withoutSummary(heard: ReadonlyMap<number, EchoOutcome>, expected: Expected): readonly EchoOutcome[] {
  const first = heard.has(0) ? 0 : 1;
  const judged: EchoOutcome[] = [];
  for (let i = 0; i < expected.count; i++) {
    const outcome = heard.get(first + i) ?? (i < expected.elapsed ? silence('', expected) : undefined);
    if (outcome !== undefined) judged.push(outcome);
  }
  return judged;
}

function silence(stderr: string, expected: Expected): EchoOutcome {
  const reason = lossOf(stderr);
  return reason === undefined
    ? { kind: 'lost', reason: 'timeout', evidence: `no reply within ${expected.timeoutMs}ms` }
    : { kind: 'lost', reason, evidence: stderr.split('\n')[0]! };
}

function lossOf(text: string): LossReason | undefined {
  return LOSSES.find(([pattern]) => pattern.test(text))?.[1];
}

function faultOf(stderr: string): EchoOutcome | undefined {
  if (PERMISSION.test(stderr)) return { kind: 'failed', reason: 'permission', evidence: stderr };
  return BIND.test(stderr) ? { kind: 'failed', reason: 'bind', evidence: stderr } : undefined;
}
