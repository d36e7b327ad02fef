import assert from 'node:assert/strict';
import test from 'node:test';
import { labelsOf } from '../../src/model/index.js';
import { REPORTED, reportLabels } from '../../src/scrape/report-series.js';
import { type Changes, START_MS, TestTarget } from './series-set-up.js';

/** The labels that a line gets under a target with `target`. */
async function labelsOfLine(
  line: string,
  target: Record<string, string>,
  config: Changes = {},
): Promise<string> {
  const test = new TestTarget({ labels: labelsOf(target), config, full: true });
  const [first] = await test.scrape(0, line);
  assert.equal(test.last.error, '');
  return first!.replace(/ 1 @0$/, '');
}

test('honor_labels: false', async () => {
  const f = async (line: string, target: Record<string, string>, want: string) =>
    assert.equal(await labelsOfLine(line, target), want);

  await f('m 1', { job: 'j', instance: 'h:1' }, 'm{instance="h:1",job="j"}');
  // a clash moves away
  await f('m{n="1"} 1', { n: '2' }, 'm{exported_n="1",n="2"}');
  // as often as it takes
  await f('m{n="1"} 1', { n: '2', exported_n: '2' }, 'm{exported_exported_n="1",exported_n="2",n="2"}');
  await f(
    'm{foo="1",exported_foo="2"} 1',
    { foo: '3' },
    'm{exported_exported_foo="1",exported_foo="2",foo="3"}',
  );
  // shorter names choose first
  await f(
    'm{foo="1",exported_foo="2"} 1',
    { foo: '3', exported_foo: '4' },
    'm{exported_exported_exported_foo="2",exported_exported_foo="1",exported_foo="4",foo="3"}',
  );
  // an empty label is none
  await f('m{n="",a=""} 1', { n: '2' }, 'm{n="2"}');
  // an empty one leaves its name free
  await f('m{n="1",exported_n=""} 1', { n: '2' }, 'm{exported_n="1",n="2"}');
  // sorted by bytes
  await f('m{a="1",Z="2"} 1', { _x: '3', b: '4' }, 'm{Z="2",_x="3",a="1",b="4"}');
});

test('honor_labels: true', async () => {
  const f = async (line: string, target: Record<string, string>, want: string) =>
    assert.equal(await labelsOfLine(line, target, { honorLabels: true }), want);

  await f('m{n="1"} 1', { n: '2', job: 'j' }, 'm{job="j",n="1"}');
  // an empty one takes the target's with it
  await f('m{job=""} 1', { job: 'j', instance: 'h:1' }, 'm{instance="h:1"}');
});

test('labels of report series', () => {
  const f = (target: Record<string, string>, want: string) =>
    assert.equal(reportLabels('up', labelsOf(target)).join(), want);

  f({ job: 'j', instance: 'i' }, '__name__,up,instance,i,job,j');
  // `exported_job` sorts before `job`, and is lost
  f({ exported_job: 'x', job: 'j' }, '__name__,up,job,j');
  // `a` sorts before `exported_a`
  f({ exported_a: 'x', a: 'j' }, '__name__,up,a,j,exported_a,x');
});

test('what fails a scrape as a whole, in the words of Prometheus', async () => {
  const f = async (config: Changes, page: string, want: string, counts: string) => {
    const target = new TestTarget({ config });
    assert.deepEqual(await target.scrape(0, page), []);
    assert.equal(target.last.error, want);
    assert.equal(target.counts, counts);
  };

  const limits = (changes: Changes['limits']): Changes => ({ limits: changes });
  await f(limits({ samples: 1 }), 'a 1; b 1; c 1', 'sample limit exceeded', '0 3 3 1');
  // `__name__` and the target's labels count
  await f(
    limits({ labels: 3 }),
    'a 1; b{c="d"} 1; e 1',
    'label_limit exceeded (metric: b, number of labels: 4, limit: 3)',
    '0 2 1 1',
  );
  await f(
    limits({ labelNameLength: 8 }),
    'a{long_name="d"} 1',
    'label_name_length_limit exceeded (metric: a, label name: long_name, length: 9, limit: 8)',
    '0 1 0 0',
  );
  await f(
    limits({ labelValueLength: 3 }),
    'a{b="äö"} 1',
    'label_value_length_limit exceeded (metric: a, label name: b, value: "äö", length: 4, limit: 3)',
    '0 1 0 0',
  );
  await f(
    { validationScheme: 'legacy' },
    'a 1; {"b.c",d="e"} 1',
    'invalid metric name or label names: {__name__="b.c", d="e", instance="h:1", job="j"}',
    '0 2 1 1',
  );
});

test('within the limits', async () => {
  const f = async (config: Changes, page: string) => {
    const target = new TestTarget({ config });
    assert.equal((await target.scrape(0, page)).length, page.split('; ').length);
  };

  await f({ limits: { samples: 2 } }, 'a 1; b 1');
  await f({ limits: { labels: 4 } }, 'a{b="c"} 1');
  await f({ limits: { labelNameLength: 8, labelValueLength: 3 } }, 'a{bbbbbbbb="ccc"} 1');
  await f({ validationScheme: 'legacy' }, 'a:b{c="d"} 1');
  await f({}, '{"b.c","d.e"="f"} 1');
});

test('metric relabelling: once per text, and what it drops is not kept', async () => {
  let calls = 0;
  const target = new TestTarget({
    relabel: (labels) => {
      calls++;
      return labels.includes('dropped') ? undefined : labels;
    },
  });
  assert.deepEqual(await target.scrape(0, 'dropped 1; a 1'), ['a 1 @0']);
  assert.equal(target.counts, '1 2 1 1');
  // Only the reading: who asks for labels in a later turn of the loop has them made again.
  calls = 0;
  const times = { plannedMs: START_MS + 10_000, startedMs: START_MS + 10_000, finishedMs: START_MS + 10_000 };
  const moment = { times, stampMs: START_MS + 10_000, beganMs: 0 };
  target.last = await target.series.read({
    ...moment,
    body: Buffer.from('a 2\ndropped 2\n'),
    contentType: 'text/plain',
  });
  assert.equal(calls, 0);
  assert.equal(target.counts, '1 2 1 0');
  assert.equal(target.series.seriesCount, 1);
});

test('a series without a name after relabelling fails the scrape; one without labels is dropped', async () => {
  const nameless = new TestTarget({ relabel: () => ['job', 'j'] });
  assert.deepEqual(await nameless.scrape(0, 'a 1'), []);
  assert.equal(nameless.last.error, 'missing metric name (__name__ label)');
  const bare = new TestTarget({ relabel: () => [] });
  assert.deepEqual(await bare.scrape(0, 'a 1'), []);
  assert.equal(bare.counts, '1 1 0 0');
});

test('labels are the same when they are made again', async () => {
  const target = new TestTarget({ full: true });
  const page =
    'a{x="\\"ä\\n"} 1; {"u.t",b="c"} 1; # TYPE h histogram; h_bucket{le="1"} 1; # TYPE s summary; s{quantile="0.50"} 1';
  const young = await target.scrape(0, page);
  await new Promise((resume) => setImmediate(resume));
  const again = await target.scrape(10, page);
  assert.deepEqual(
    again.slice(0, 4).map((line) => line.replace('@10', '@0')),
    young.slice(0, 4),
  );
  assert.match(young[2]!, /le="1.0"/);
  assert.match(young[3]!, /quantile="0.5"/);
  assert.equal(young.length, 4 + REPORTED.slice(0, 5).length);
});
