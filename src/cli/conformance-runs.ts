import { readdirSync, readlinkSync } from 'node:fs';
import { field, systemClock, type Timer } from '../lib/index.js';
import { createHttpClient } from '../net/index.js';
import {
  CutShortError,
  fieldsOf,
  type LoadedPlugin,
  type Outcome,
  readOptions,
  runOnce,
} from '../probe/index.js';
import { OptionError, type PluginHost, type Sample } from '../sdk/index.js';
import { silentLog } from './command-log.js';
import { SILENT_NAME, type TestNetwork, UNKNOWN_NAME } from './conformance-network.js';
import { activeSample } from './conformance-texts.js';
import { hostConfigOf } from './run-plugin.js';
import { HOST_METRICS } from './samples.js';

const SETTLE_MS = 1000;
const ABORT_AFTER_MS = 50;

/** A task's timeout; `undefined` is the one that its options need. */
type Timeout = number | undefined;
const NEEDED: readonly Timeout[] = [undefined];
/** A short one where the options of sample.yaml fit into it. */
const SHORT: readonly Timeout[] = [300, 2000, undefined];
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A plugin under test, and the network it is tried on. */
export interface Subject {
  plugin: LoadedPlugin;
  network: TestNetwork;
  /** Every sample that any of the runs gave. */
  samples: Sample[];
}

/** A plugin that was opened, to prepare tasks of. */
interface Session {
  subject: Subject;
  shared: unknown;
  /** What `prepare` gave and is not released yet. */
  prepared: Set<unknown>;
}

/** A task as a check runs it. */
interface Prepared {
  target: string;
  timeoutMs: number;
  prepared: unknown;
}

/** A target where nobody listens: a result in good time, never a throw. */
export function closedTargetFaults(subject: Subject): Promise<string[]> {
  return inSession(subject, (session) => runAll(session, NEEDED));
}

/** A name that nobody knows: a failed result, never a throw. */
export function unknownNameFaults(subject: Subject): Promise<string[]> {
  return inSession(subject, async (session) => {
    const [task] = prepareAll(session, UNKNOWN_NAME, subject.network.closedPort, NEEDED);
    if (task === undefined) return [`prepare refuses the target "${UNKNOWN_NAME}"`];
    const outcome = await runTask(session, task);
    if (outcome.kind === 'result' && outcome.ok)
      return [`the target "${task.target}" cannot be resolved (ask host.resolver), but the result is ok`];
    return outcomeFaults(outcome, task);
  });
}

/** A target that never answers: at the deadline collect gives a result, within a second. */
export function deadlineFaults(subject: Subject): Promise<string[]> {
  return inSession(subject, async (session) => {
    const faults: string[] = [];
    for (const host of ['127.0.0.1', SILENT_NAME])
      for (const task of prepareAll(session, host, subject.network.silentPort, SHORT))
        faults.push(...outcomeFaults(await runTask(session, task), task));
    return faults;
  });
}

/** A run that is cut short settles within a second; what it gives then does not matter. */
export function abortFaults(subject: Subject): Promise<string[]> {
  return inSession(subject, async (session) => {
    const faults: string[] = [];
    for (const host of ['127.0.0.1', SILENT_NAME]) {
      for (const task of prepareAll(session, host, subject.network.silentPort, SHORT)) {
        if (!(await settlesWhenAborted(subject.plugin, task)))
          faults.push(
            `collect of "${task.target}" did not settle within ${SETTLE_MS}ms after run.signal aborted; pass the signal on to all that waits (host.resolver too)`,
          );
      }
    }
    return faults;
  });
}

async function settlesWhenAborted({ definition }: LoadedPlugin, task: Prepared): Promise<boolean> {
  const controller = new AbortController();
  const run = { signal: controller.signal, timeoutMs: task.timeoutMs, plannedMs: Date.now() };
  const collected = Promise.resolve(definition.collect(task.prepared, run)).then(
    () => true,
    () => true,
  );
  const abort = systemClock.after(ABORT_AFTER_MS, () => controller.abort(new CutShortError()));
  let giveUp: Timer | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    giveUp = systemClock.after(ABORT_AFTER_MS + SETTLE_MS, () => resolve(false));
  });
  const settled = await Promise.race([collected, tooLate]);
  abort.cancel();
  giveUp?.cancel();
  controller.abort(new CutShortError());
  return settled;
}

/** Two tasks of equal options do not share what prepare gave, run side by side, and one goes on when the other is released. */
export function independenceFaults(subject: Subject): Promise<string[]> {
  return inSession(subject, async (session) => {
    const first = prepareAll(session, '127.0.0.1', subject.network.closedPort, SHORT)[0];
    const second = prepareAll(session, '127.0.0.1', subject.network.closedPort, SHORT)[0];
    if (first === undefined || second === undefined) return ['prepare refuses every target of 127.0.0.1'];
    if (typeof first.prepared === 'object' && first.prepared !== null && first.prepared === second.prepared)
      return ['prepare gave the same object to two tasks'];
    const both = [first, second].map(async (task) => outcomeFaults(await runTask(session, task), task));
    const faults = (await Promise.all(both)).flat();
    release(session, first.prepared);
    const after = outcomeFaults(await runTask(session, second), second);
    return [...faults, ...after.map((fault) => `after the other task was released: ${fault}`)];
  });
}

/** Open, run, close: the process then holds no more than before. */
export async function closeFaults(subject: Subject): Promise<string[]> {
  const before = openThings();
  const faults = await inSession(subject, async (session) => {
    const closed = await runAll(session, SHORT);
    for (const task of prepareAll(session, '127.0.0.1', subject.network.silentPort, SHORT))
      await runTask(session, task);
    return closed;
  });
  if (faults.length > 0) return [];
  const endMs = performance.now() + SETTLE_MS;
  let left = leftOver(before, openThings());
  while (left.length > 0 && performance.now() < endMs) {
    await wait(20);
    left = leftOver(before, openThings());
  }
  return left.map((thing) => `still open after close: ${thing}`);
}

/** What is open in this process, by kind: what Node counts, and sockets (a native package's are seen only so). */
function openThings(): Map<string, number> {
  const things = new Map<string, number>();
  for (const kind of [...process.getActiveResourcesInfo(), ...openSockets()])
    things.set(kind, (things.get(kind) ?? 0) + 1);
  return things;
}

function openSockets(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:') ? ['socket'] : [];
    } catch {
      return []; // It was the descriptor of the listing itself.
    }
  });
}

function leftOver(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  return [...after]
    .map(([kind, count]) => ({ kind, more: count - (before.get(kind) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `${more} x ${kind}`);
}

/** All samples of all runs: declared, and with names that Prometheus takes. */
export function sampleNameFaults({ plugin: { definition }, samples }: Subject): string[] {
  const own = definition.metrics === 'dynamic' ? undefined : definition.metrics.map(({ name }) => name);
  const declared = own === undefined ? undefined : new Set([...HOST_METRICS.map(({ name }) => name), ...own]);
  const faults = new Set<string>();
  for (const { name, labels = {} } of samples) {
    if (declared?.has(name) === false) faults.add(`the sample "${name}" is not declared in metrics`);
    for (const label of Object.keys(labels))
      if (!LABEL_NAME.test(label))
        faults.add(`the sample "${name}" has the label "${label}", which is no valid name`);
  }
  return [...faults];
}

async function inSession(subject: Subject, use: (session: Session) => Promise<string[]>): Promise<string[]> {
  const { definition } = subject.plugin;
  const host: PluginHost = {
    log: silentLog,
    resolver: subject.network.resolver,
    config: hostConfigOf(definition, {}),
    createHttpClient: (options) => createHttpClient(options, subject.network.resolver),
  };
  const session: Session = { subject, shared: await definition.open?.(host), prepared: new Set() };
  try {
    return await use(session);
  } finally {
    for (const prepared of session.prepared) release(session, prepared);
    await definition.close?.(session.shared);
  }
}

function release(session: Session, prepared: unknown): void {
  session.prepared.delete(prepared);
  session.subject.plugin.definition.release?.(prepared);
}

async function runAll(session: Session, timeouts: readonly Timeout[]): Promise<string[]> {
  const host = '127.0.0.1';
  const port = session.subject.network.closedPort;
  const tasks = prepareAll(session, host, port, timeouts);
  if (tasks.length === 0) return [`prepare refuses every target of ${host}`];
  const faults: string[] = [];
  for (const task of tasks) faults.push(...outcomeFaults(await runTask(session, task), task));
  return faults;
}

async function runTask({ subject }: Session, task: Prepared): Promise<Outcome> {
  const cutShort = new AbortController().signal;
  const { timeoutMs } = task;
  const outcome = await runOnce(subject.plugin.definition, task.prepared, {
    timeoutMs,
    plannedMs: Date.now(),
    cutShort,
  });
  if (outcome.kind === 'result') subject.samples.push(...outcome.samples);
  return outcome;
}

/** A task for every form in which the plugin takes this target; its other options are those of sample.yaml. A form that it refuses is left out. */
function prepareAll(session: Session, host: string, port: number, timeouts: readonly Timeout[]): Prepared[] {
  const { plugin } = session.subject;
  return targetForms(plugin, host, port).flatMap((target) => {
    for (const timeoutMs of timeouts) {
      const task = tryPrepare(session, target, port, timeoutMs);
      if (task !== undefined) return [task];
    }
    return [];
  });
}

function tryPrepare(
  session: Session,
  target: string,
  port: number,
  timeoutMs: Timeout,
): Prepared | undefined {
  const { definition, directory } = session.subject.plugin;
  const written = {
    ...activeSample(directory),
    ...portOption(session.subject.plugin, port),
    [definition.target]: target,
  };
  const read = readOptions(definition, written, { baseDirectory: directory, timeoutMs });
  if (read.issues !== undefined) return undefined;
  try {
    const prepared = definition.prepare(read.config, session.shared, { timeoutMs: read.timeoutMs });
    session.prepared.add(prepared);
    return { target, timeoutMs: read.timeoutMs, prepared };
  } catch (error) {
    if (error instanceof OptionError) return undefined;
    throw error;
  }
}

function targetForms({ definition }: LoadedPlugin, host: string, port: number): string[] {
  const kind = field.metadataOf(fieldsOf(definition)[definition.target]!).kind;
  return kind === 'url' ? [`http://${host}:${port}/`] : [host, `${host}:${port}`];
}

function portOption({ definition }: LoadedPlugin, port: number): Record<string, unknown> {
  const schema = fieldsOf(definition).port;
  return schema !== undefined && field.metadataOf(schema).kind === 'integer' ? { port } : {};
}

/** What a result must not be: `internal`, which stands for a throw, a result of the wrong form, or a run that did not settle. */
function outcomeFaults(outcome: Outcome, { target }: Prepared): string[] {
  if (outcome.kind === 'aborted' || outcome.reason !== 'internal') return [];
  return [`the target "${target}" must give a result (ok: false and a reason), but: ${outcome.evidence}`];
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.after(ms, resolve));
}
