import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { encodeFrame, FrameReader, type ToAgent, type ToHost } from '../../src/probe/frames.js';
import { ProbeHost } from '../../src/probe/host.js';
import { temporaryFolder } from '../e2e/sentinel.js';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { taskOf } from './watched-probes.js';

/** A probe host in this process, that has a plugin with this `open`. */
function hostOf(t: TestContext, open: string) {
  const directory = join(temporaryFolder(t), 'one');
  mkdirSync(directory, { mode: 0o700 });
  const definition = `name: 'one', version: '1', description: 'One.', target: 'target', metrics: 'dynamic',
    config: sdk.field.section('Options.', { target: sdk.field.text('Anything.') }),
    prepare: () => ({}), collect: async () => ({ ok: true, samples: [] }), open: ${open}`;
  writeFileSync(join(directory, 'index.mjs'), `export default (sdk) => ({ ${definition} });`, {
    mode: 0o600,
  });
  const [agentSide, stream] = duplexPair();
  const clock = new ManualClock();
  const offer: ConstructorParameters<typeof ProbeHost>[0]['offer'] = (log, config) => ({
    log,
    config,
    resolver: undefined as never,
    createHttpClient: () => assert.fail('nobody asks'),
  });
  new ProbeHost({ stream, clock, offer, exit: () => {} });
  const said: ToAgent[] = [];
  const reader = new FrameReader<ToAgent>();
  agentSide.on('data', (chunk: Buffer) => said.push(...reader.push(chunk)));
  const send = (message: ToHost) => agentSide.write(encodeFrame(message));
  send({
    kind: 'hello',
    plugins: [{ directory, builtin: false }],
    hostConfig: {},
    agentName: 'a',
    credits: 10,
  });
  t.after(() => send({ kind: 'stop' }));
  const of = <K extends ToAgent['kind']>(kind: K) =>
    said.filter((message): message is Extract<ToAgent, { kind: K }> => message.kind === kind);
  return { clock, send, of };
}

test('a plugin that does not open is said by each of its tasks, and they run when it has', async (t) => {
  let open = () => {};
  Object.assign(globalThis, {
    testOpen: new Promise<void>((resolve) => {
      open = resolve;
    }),
  });
  const { clock, send, of } = hostOf(t, '() => globalThis.testOpen');
  send({ kind: 'tasks', add: [taskOf('a', 'one'), taskOf('b', 'one')], remove: [] });
  send({ kind: 'tasks', add: [], remove: ['gone'] });
  await until('the tasks', () => of('removed').length === 1);
  await clock.advance(9000);
  assert.deepEqual(of('problem'), []);
  await clock.advance(2000);
  await until('both', () => of('problem').length === 2);
  for (const { message } of of('problem'))
    assert.match(message, /^plugin "one" has not opened within 10 s; it runs when it has$/);
  open();
  await until('the first runs', async () => {
    await clock.advance(100);
    return new Set(of('result').map(({ id }) => id)).size === 2;
  });
});

test('a plugin that fails to open is opened again', async (t) => {
  const { clock, send, of } = hostOf(
    t,
    "async () => { if ((globalThis.testOpens = (globalThis.testOpens ?? 0) + 1) === 1) throw new Error('not yet'); }",
  );
  send({ kind: 'tasks', add: [taskOf('a', 'one')], remove: [] });
  await until('the problem', () => of('problem').length === 1);
  assert.equal(of('problem')[0]!.message, 'cannot open plugin "one": not yet');
  await clock.advance(29_000);
  assert.equal(of('result').length, 0);
  await until('the first run', async () => {
    await clock.advance(100);
    return of('result').length > 0;
  });
});
