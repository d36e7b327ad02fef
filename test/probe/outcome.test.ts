import assert from 'node:assert/strict';
import test from 'node:test';
import { runOnce } from '../../src/probe/outcome.js';
import { DeadlineError, type Definition, type Result, type Run, sdk } from '../../src/sdk/index.js';

function pluginOf(collect: (run: Run) => Promise<unknown>): Definition {
  return {
    name: 'fixture',
    version: '1.0.0',
    description: 'A plugin for tests.',
    config: sdk.field.section('Options.', {}),
    target: 'host',
    metrics: 'dynamic',
    prepare: () => undefined,
    collect: (_, run) => collect(run) as Promise<Result>,
  };
}

/** Runs a plugin and gives its outcome as text: `ok a=1` or `reason a=1`; durations left out. */
async function f(
  collect: (run: Run) => Promise<unknown>,
  want: string,
  options: { timeoutMs?: number; cutShort?: AbortSignal } = {},
) {
  const cutShort = options.cutShort ?? new AbortController().signal;
  const outcome = await runOnce(pluginOf(collect), undefined, {
    timeoutMs: options.timeoutMs ?? 5000,
    plannedMs: 1000,
    cutShort,
  });
  if (outcome.kind === 'aborted') return assert.equal('aborted', want);
  const samples = outcome.samples.filter(({ name }) => name !== 'probe_duration_seconds');
  const text = samples.map(
    ({ name, value, labels }) => `${name}${labels === undefined ? '' : JSON.stringify(labels)}=${value}`,
  );
  assert.equal(`${outcome.ok ? 'ok' : outcome.reason} ${text.join(' ')}`, want);
  assert.ok(outcome.durationSeconds >= 0);
  return undefined;
}

test('every run has probe_success, and a failure its reason', async () => {
  await f(async () => ({ ok: true, samples: [{ name: 'a', value: 1 }] }), 'ok probe_success=1 a=1');
  await f(
    async () => ({ ok: false, reason: 'timeout', samples: [{ name: 'a', value: 1 }] }),
    'timeout probe_success=0 probe_failure_info{"reason":"timeout"}=1 a=1',
  );
});

test('with resolve, bind, permission and internal nothing was measured', async () => {
  for (const reason of ['resolve', 'bind', 'permission', 'internal']) {
    await f(
      async () => ({ ok: false, reason, samples: [{ name: 'rtt', value: 1 }] }),
      `${reason} probe_success=0 probe_failure_info{"reason":"${reason}"}=1`,
    );
  }
});

test('a plugin that throws or gives nonsense is a failure of the plugin', async () => {
  const want = 'internal probe_success=0 probe_failure_info{"reason":"internal"}=1';
  await f(async () => Promise.reject(new Error('boom')), want);
  await f(async () => undefined, want);
  await f(async () => ({ ok: 'yes' }), want);
  await f(async () => ({ ok: false, reason: 'weather', samples: [] }), want);
  await f(async () => ({ ok: true, samples: [{ name: 'a', value: '1' }] }), want);
  await f((): never => {
    throw new Error('boom');
  }, want);
});

test('a sample that no receiver could take is a fault of the plugin', async () => {
  const want = 'internal probe_success=0 probe_failure_info{"reason":"internal"}=1';
  for (const sample of [
    { name: '', value: 1 },
    { name: 'a', value: 1, timestampMs: Number.POSITIVE_INFINITY },
    { name: 'a', value: 1, labels: null },
    { name: 'a', value: 1, labels: { b: 1 } },
    { name: 'a', value: 1, labels: { '': 'x' } },
    null,
  ])
    await f(async () => ({ ok: true, samples: [sample] }), want);
});

test('time that our own process took from the target is given back to it', async () => {
  const answered = (run: Run) =>
    new Promise((resolve) => {
      run.signal.addEventListener('abort', () => resolve({ ok: false, reason: 'timeout', samples: [] }));
      setTimeout(() => {
        // The loop stands still over the deadline, and the answer comes right after.
        const end = performance.now() + 400;
        while (performance.now() < end);
        setTimeout(() => resolve({ ok: true, samples: [] }), 50);
      }, 10);
    });
  await f(answered, 'ok probe_success=1', { timeoutMs: 200 });
});

test('the deadline aborts the signal with its own reason', async () => {
  const collect = (run: Run) =>
    new Promise((resolve) => {
      run.signal.addEventListener('abort', () => {
        const late = run.signal.reason instanceof DeadlineError;
        resolve({ ok: false, reason: 'timeout', samples: [{ name: 'late', value: late ? 1 : 0 }] });
      });
    });
  await f(collect, 'timeout probe_success=0 probe_failure_info{"reason":"timeout"}=1 late=1', {
    timeoutMs: 20,
  });
});

test('a plugin that never settles is given up', async () => {
  await f(() => new Promise(() => {}), 'internal probe_success=0 probe_failure_info{"reason":"internal"}=1', {
    timeoutMs: 20,
  });
});

test('a run that we cut short gives nothing, whatever the plugin says', async () => {
  const stop = new AbortController();
  const collect = (run: Run) =>
    new Promise((resolve) => {
      run.signal.addEventListener('abort', () => resolve({ ok: false, reason: 'timeout', samples: [] }));
      stop.abort();
    });
  await f(collect, 'aborted', { cutShort: stop.signal });
  await f(async () => ({ ok: true, samples: [] }), 'aborted', { cutShort: AbortSignal.abort() });
});
