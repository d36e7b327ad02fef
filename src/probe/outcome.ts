import { errorLine, startDeadline, systemClock } from '../lib/index.js';
import {
  DeadlineError,
  type Definition,
  REASONS,
  type Reason,
  type Result,
  type Sample,
  UNMEASURED,
} from '../sdk/index.js';

/** How long a run may take to settle after its deadline before it is given up. */
const GRACE_MS = 1000;
/** Samples that one run may give; a larger result would hold the agent up. */
const MAX_SAMPLES = 500_000;

/** A run that was given up and still goes on: settles when it ends, which may be never. Nothing else may use what it uses until then. */
interface Stuck {
  stuck?: Promise<void>;
}

/** What a run came to: a result with the samples that every run has, or nothing because we cut it short. */
export type Outcome = Stuck &
  (
    | { kind: 'aborted' }
    | {
        kind: 'result';
        ok: boolean;
        reason: Reason | undefined;
        evidence: string | undefined;
        samples: Sample[];
        durationSeconds: number;
      }
  );

class StuckError extends Error {}

/** `signal.reason` when we cut a run short: a stop, a reload. Such a run gives no sample. */
export class CutShortError extends Error {
  constructor() {
    super('the run was cut short');
    this.name = 'CutShortError';
  }
}

/**
 * Runs a plugin once and adds what every run has: `probe_success`, `probe_duration_seconds` and, on failure, `probe_failure_info{reason}`.
 * A throw is a failure with the reason `internal`. A run that does not settle within a second of its deadline is one too; `stuck` tells when it ends after all.
 * The same for the service and for `trigger`. Never rejects.
 */
export async function runOnce(
  definition: Definition,
  prepared: unknown,
  run: { timeoutMs: number; plannedMs: number; cutShort: AbortSignal },
): Promise<Outcome> {
  if (run.cutShort.aborted) return { kind: 'aborted' };
  const controller = new AbortController();
  const onCutShort = () => controller.abort(new CutShortError());
  run.cutShort.addEventListener('abort', onCutShort, { once: true });
  const endDeadline = startDeadline(systemClock, run.timeoutMs, () =>
    controller.abort(new DeadlineError(run.timeoutMs)),
  );
  const startedMs = performance.now();
  const grace = giveUpAfterGrace(controller.signal);
  let collecting: Promise<Result> | undefined;
  let stuck: Promise<void> | undefined;
  let result: Result;
  try {
    collecting = definition.collect(prepared, {
      signal: controller.signal,
      timeoutMs: run.timeoutMs,
      plannedMs: run.plannedMs,
    });
    result = checked(await Promise.race([collecting, grace.promise]));
  } catch (error) {
    if (error instanceof StuckError) stuck = ended(collecting);
    result = {
      ok: false,
      reason: 'internal',
      samples: [],
      evidence: `plugin ${definition.name}: ${errorLine(error)}`,
    };
  } finally {
    endDeadline();
    grace.cancel();
    run.cutShort.removeEventListener('abort', onCutShort);
  }
  if (run.cutShort.aborted) return { kind: 'aborted', ...(stuck && { stuck }) };
  const durationSeconds = (performance.now() - startedMs) / 1000;
  const reason = result.ok ? undefined : (result.reason ?? 'internal');
  return {
    kind: 'result',
    ok: result.ok,
    reason,
    evidence: result.evidence,
    samples: outcomeSamples(result, reason, durationSeconds),
    durationSeconds,
    ...(stuck && { stuck }),
  };
}

async function ended(run: Promise<unknown> | undefined): Promise<void> {
  await Promise.resolve(run).catch(() => {}); // Its run has been reported as failed already.
}

function outcomeSamples(result: Result, reason: Reason | undefined, durationSeconds: number): Sample[] {
  if (reason !== undefined && UNMEASURED.includes(reason)) return failedSamples(reason, durationSeconds);
  const samples =
    reason === undefined ? everySamples(true, durationSeconds) : failedSamples(reason, durationSeconds);
  for (const sample of result.samples) samples.push(sample);
  return samples;
}

/** The samples of a run that failed and measured nothing. */
export function failedSamples(reason: Reason, durationSeconds: number): Sample[] {
  return [
    ...everySamples(false, durationSeconds),
    { name: 'probe_failure_info', labels: { reason }, value: 1 },
  ];
}

function everySamples(ok: boolean, durationSeconds: number): Sample[] {
  return [
    { name: 'probe_success', value: ok ? 1 : 0 },
    { name: 'probe_duration_seconds', value: durationSeconds },
  ];
}

/** A promise that rejects a while after the signal aborted. */
function giveUpAfterGrace(signal: AbortSignal): { promise: Promise<never>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  promise.catch(() => {}); // The race may be over before it rejects.
  const onAbort = () => {
    const error = new StuckError(`collect did not settle within ${GRACE_MS}ms of its signal`);
    timer = setTimeout(() => reject(error), GRACE_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    promise,
    cancel: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** A plugin from outside may give anything: what does not fit throws, and reads as a fault of the plugin. */
function checked(result: Result): Result {
  if (typeof result !== 'object' || result === null || typeof result.ok !== 'boolean')
    throw new Error('collect gave no result with `ok`');
  if (!result.ok && !REASONS.includes(result.reason as Reason))
    throw new Error(`collect gave the reason "${result.reason}"; known: ${REASONS.join(', ')}`);
  if (!Array.isArray(result.samples)) throw new Error('collect gave no list of samples');
  if (result.samples.length > MAX_SAMPLES) return tooLarge(result.samples.length);
  for (const sample of result.samples) {
    const fault = faultOf(sample);
    if (fault !== undefined)
      throw new Error(`collect gave a sample ${fault}: ${JSON.stringify(sample)?.slice(0, 100)}`);
  }
  return result;
}

/** Label maps that were looked at: a plugin that reads pages gives the same ones again and again. */
const goodLabels = new WeakSet<object>();

function faultOf(sample: Sample): string | undefined {
  if (typeof sample !== 'object' || sample === null) return 'that is none';
  const { name, value, labels, timestampMs } = sample;
  if (typeof name !== 'string' || name === '') return 'without a name';
  if (typeof value !== 'number') return 'without a number';
  if (timestampMs !== undefined && !Number.isFinite(timestampMs)) return 'with a time that is none';
  if (labels === undefined || (typeof labels === 'object' && labels !== null && goodLabels.has(labels)))
    return undefined;
  if (typeof labels !== 'object' || labels === null) return 'whose labels are no map';
  for (const label of Object.keys(labels)) {
    if (label === '' || typeof labels[label] !== 'string')
      return `with a label that is no text: ${JSON.stringify(label)}`;
  }
  goodLabels.add(labels);
  return undefined;
}

function tooLarge(samples: number): Result {
  const evidence = `the run gave ${samples} samples, and ${MAX_SAMPLES} is the most that is taken: make the task smaller`;
  return { ok: false, reason: 'too_large', samples: [], evidence };
}
