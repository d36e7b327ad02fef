import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { runCli } from './run-cli.js';

const folder = mkdtempSync(join(tmpdir(), 'sentinel-relabel-'));
after(() => rmSync(folder, { recursive: true }));

writeFileSync(
  join(folder, 'rules.yaml'),
  `- {source_labels: [__address__], regex: '([^:]+):\\d+', target_label: instance}
- {action: drop, source_labels: [job], regex: db}
- {action: labeldrop, regex: tmp}
`,
);
writeFileSync(join(folder, 'bad.yaml'), "- {action: keep, regex: '('}\n");

writeFileSync(
  join(folder, 'sentinel.yaml'),
  `scrape_configs:
  - job_name: node
    relabel_configs: [{source_labels: [__address__], regex: '([^:]+):\\d+', target_label: instance}]
    metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: go_.*}]
`,
  { mode: 0o600 },
);

const relabel = (...args: string[]) => runCli(['relabel', ...args], { cwd: folder });
const withRules = (series: string, ...args: string[]) =>
  relabel('--rules', 'rules.yaml', '--explain', series, ...args);

test('each rule with what it changed; without a terminal no colours', async () => {
  const { code, stdout, stderr } = await withRules('{__address__="a:1",job="x"}');
  assert.equal(
    stdout,
    `in    {__address__="a:1", job="x"}
1. {action: replace, source_labels: [__address__], regex: "([^:]+):\\\\d+", target_label: instance}
   + instance="a"
2. {action: drop, source_labels: [job], regex: db}
   no change
3. {action: labeldrop, regex: tmp}
   no change
out   kept {__address__="a:1", instance="a", job="x"}
`,
  );
  assert.deepEqual([code, stderr], [0, '']);
});

test('a changed label is shown with both values, and a terminal obeys none of them', async () => {
  const { stdout } = await withRules('up{__address__="a:1",instance="\\u001b[31m\\u202ex"}');
  assert.match(stdout, / {3}- instance="\\u001b\[31m x"\n {3}\+ instance="a"\n/);
});

test('exit code 1 when nothing is left', async () => {
  const dropped = await withRules('{job="db"}');
  assert.equal(dropped.code, 1);
  assert.match(dropped.stdout, /2\. .*\n {3}drops it\nout {3}dropped\n$/);
  const empty = await withRules('{tmp="x"}');
  assert.equal(empty.code, 1);
  assert.match(empty.stdout, / {3}- tmp="x"\nout {3}dropped: no label is left\n$/);
});

test('as JSON', async () => {
  const { code, stdout } = await withRules('{job="db"}', '-o', 'json');
  const { kept, input, output, steps } = JSON.parse(stdout) as {
    kept: boolean;
    input: unknown;
    output: unknown;
    steps: { applied: boolean; after: unknown }[];
  };
  assert.deepEqual([code, kept, input, output], [1, false, { job: 'db' }, null]);
  assert.deepEqual(
    steps.map(({ applied, after: labels }) => [applied, labels]),
    [
      [false, { job: 'db' }],
      [true, null],
    ],
  );
});

test('the rules of a job', async () => {
  const of = async (...args: string[]) => {
    const { stdout, stderr } = await relabel(
      '-c',
      'sentinel.yaml',
      '--job',
      'node',
      '-o',
      'json',
      '--explain',
      ...args,
    );
    assert.equal(stderr, '');
    return JSON.parse(stdout) as { kept: boolean; input: object; output: object | null };
  };
  // a target, with what the job says of it
  const { input, output } = await of('{__address__="a:1",__scheme__="https"}');
  assert.deepEqual(input, {
    __address__: 'a:1',
    __always_scrape_classic_histograms__: 'false',
    __convert_classic_histograms_to_nhcb__: 'false',
    __metrics_path__: '/metrics',
    __scheme__: 'https',
    __scrape_interval__: '1m',
    __scrape_native_histograms__: 'false',
    __scrape_timeout__: '10s',
    job: 'node',
  });
  assert.deepEqual(output, { ...input, instance: 'a' });
  // its metrics
  assert.deepEqual((await of('up{__address__="a:1"}', '--metric')).output, {
    __address__: 'a:1',
    __name__: 'up',
  });
  assert.equal((await of('go_gc', '--metric')).output, null);
  const unknown = await relabel('-c', 'sentinel.yaml', '--job', 'nod', '--explain', '{}');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /unknown job "nod"; did you mean "node"\?/);
});

test('usage: exit code 2', async () => {
  const f = async (args: string[], stderr: RegExp) => {
    const ended = await relabel(...args);
    assert.equal(ended.code, 2, args.join(' '));
    assert.match(ended.stderr, stderr);
  };
  await f([], /required option '--explain <series>' not specified/);
  await f(['--explain', '{}'], /give --rules FILE, or -c FILE and --job NAME/);
  await f(
    ['--explain', '{', '--rules', 'rules.yaml'],
    /--explain: selector "\{": expected a label, got the end/,
  );
  await f(['--explain', '{}', '--rules', 'none.yaml'], /none\.yaml:1:1: cannot read the file: ENOENT/);
  await f(['--explain', '{}', '--rules', 'bad.yaml'], /bad\.yaml:1:25: \[0\]\.regex: error parsing regexp/);
  await f(['--explain', '{}', '--rules', 'rules.yaml', '-c', 'x'], /cannot be used with option/);
});
