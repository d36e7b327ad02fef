// Cost of relabelling a new series, and heap per series kept. Run: node --expose-gc .build/test/bench/relabel/relabel.bench.js [series ...]
import { parse } from 'yaml';
import { field } from '../../../src/lib/index.js';
import { type Labels, labelsOf } from '../../../src/model/index.js';
import { compileRelabel, type Relabeller } from '../../../src/relabel/index.js';
import { relabelField, relabelRules } from '../../../src/relabel/schema.js';

const ROUNDS = 5;

const TYPICAL = `
- {source_labels: [__name__], regex: 'go_.*|process_.*|promhttp_.*', action: drop}
- {source_labels: [__name__, device], regex: 'node_network_.*;(veth|docker|br-).*', action: drop}
- {source_labels: [instance], regex: '([^:]+):\\d+', target_label: host}
- {source_labels: [job], regex: node, target_label: team, replacement: infra}
- {source_labels: [__name__], regex: 'node_filesystem_(.+)', target_label: kind, replacement: 'fs-$1'}
- {target_label: region, replacement: eu-1}
- {source_labels: [mountpoint], regex: '/(run|snap|var/lib/docker)/.+', action: drop}
- {action: labeldrop, regex: 'fstype|id|uid'}
- {action: labelmap, regex: 'meta_(.+)'}
- {source_labels: [instance], modulus: 16, target_label: shard, action: hashmod}
- {if: '{job="node", host=~"10[.].*"}', target_label: net, replacement: lab}
- {action: keep, source_labels: [job], regex: 'node|snmp'}`;

const RULES: Readonly<Record<string, string>> = {
  'one drop by prefix': `- {source_labels: [__name__], regex: 'go_.*|process_.*', action: drop}`,
  'one drop by RE2': `- {source_labels: [__name__], regex: 'node_(a|b)[0-9]+.*', action: drop}`,
  'one label set': '- {target_label: region, replacement: eu-1}',
  'one labeldrop': `- {action: labeldrop, regex: 'fstype|id|uid'}`,
  'a dozen': TYPICAL,
};

/** Series of targets as at a start: 1000 names, one instance per target, many devices. */
function seriesOf(count: number): Labels[] {
  return Array.from({ length: count }, (_, i) =>
    labelsOf({
      __name__: i % 3 === 0 ? `node_filesystem_free_${i % 300}` : `node_network_bytes_total_${i % 700}`,
      device: `eth${i % 50}`,
      fstype: 'ext4',
      instance: `10.0.${(i / 1000) >> 0}.${i % 5}:9100`,
      job: 'node',
      mountpoint: `/data/${i % 20}`,
    }),
  );
}

function compile(yaml: string): Relabeller {
  const { value } = field.check(relabelField('Rules.', 'any'), parse(yaml));
  return compileRelabel(relabelRules(value!), 'utf8');
}

function round(
  relabeller: Relabeller,
  series: readonly Labels[],
): { ns: number; kept: number; bytes: number } {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const start = process.cpuUsage();
  const results: Labels[] = [];
  for (const labels of series) {
    const after = relabeller.apply(labels);
    if (after !== undefined) results.push(after);
  }
  const { user, system } = process.cpuUsage(start);
  globalThis.gc?.();
  const bytes = (process.memoryUsage().heapUsed - before) / series.length;
  return { ns: ((user + system) * 1000) / series.length, kept: results.length, bytes };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

for (const count of process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 100_000]) {
  const series = seriesOf(count);
  for (const [name, yaml] of Object.entries(RULES)) {
    // A fresh one per round: what it remembers is part of the cost.
    const results = Array.from({ length: ROUNDS }, () => round(compile(yaml), series));
    const [ns, bytes] = [median(results.map((r) => r.ns)), median(results.map((r) => r.bytes))];
    process.stdout.write(
      `${count} series, ${name}: ${ns.toFixed(0)} ns CPU a series, ${results[0]!.kept} kept, ${bytes.toFixed(0)} bytes a series\n`,
    );
  }
}
