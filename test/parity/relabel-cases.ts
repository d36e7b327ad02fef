import { type ParityCase, pageCase } from './parity-case.js';

const PAGE = [
  'http_requests_total{code="200",method="GET"} 1\nhttp_requests_total{code="500",method="POST"} 2\ngo_goroutines 3\nnode_cpu{cpu="0",mode="idle"} 4\n',
];
const target = (name: string, rules: string, labels?: Readonly<Record<string, string>>): ParityCase =>
  pageCase(name, PAGE, { config: `relabel_configs:\n${rules}`, ...(labels && { labels }) });
const metric = (name: string, rules: string): ParityCase =>
  pageCase(name, PAGE, { config: `metric_relabel_configs:\n${rules}` });

/** How labels of targets and metrics may be rewritten. */
export const RELABEL_CASES: readonly ParityCase[] = [
  target(
    'r-hashmod',
    '- {source_labels: [__address__, dc], modulus: 16, target_label: shard, action: hashmod}',
    { dc: 'x' },
  ),
  target('r-labelmap', "- {regex: '__meta_(.*)|dc_(.+)', replacement: 'm_${2}', action: labelmap}", {
    dc_one: '1',
    dc_two: '2',
  }),
  target('r-labeldrop', '- {regex: dc_.*, action: labeldrop}', { dc_one: '1', zone: 'z' }),
  target('r-labelkeep', '- {regex: "__.*|parity_case|job|dc", action: labelkeep}', { dc: '1', zone: 'z' }),
  target('r-keepequal', '- {source_labels: [dc], target_label: zone, action: keepequal}', {
    dc: '1',
    zone: '1',
  }),
  target(
    'r-case',
    '- {source_labels: [dc], target_label: up, action: uppercase}\n- {source_labels: [dc], target_label: low, action: lowercase}',
    {
      dc: 'MiXed straße',
    },
  ),
  target(
    'r-ignore-case',
    "- {source_labels: [dc], regex: '(?i)FRA(.*)', target_label: site, replacement: 'site-$1'}",
    { dc: 'fra1' },
  ),
  target(
    'r-named-group',
    "- {source_labels: [dc], regex: '(?P<city>[a-z]+)(?P<n>[0-9]+)', target_label: city, replacement: '${city}/${n}'}",
    {
      dc: 'fra12',
    },
  ),
  target('r-dollar', "- {source_labels: [dc], target_label: price, replacement: '$$5 $1x ${1}x $'}", {
    dc: 'fra',
  }),
  target(
    'r-param',
    "- {target_label: __param_module, replacement: 'icmp'}\n- {source_labels: [__param_module], target_label: module}\n- {source_labels: [__param_a], target_label: a}",
    {},
  ),
  target(
    'r-metrics-path',
    '- {source_labels: [__metrics_path__], target_label: path}\n- {source_labels: [__scheme__], target_label: scheme}',
  ),
  target('r-instance', '- {target_label: instance, replacement: "the one"}'),
  target('r-job', '- {source_labels: [job], target_label: job, replacement: "x-$1"}'),
  target('r-separator', '- {source_labels: [dc, zone, none], separator: "|", target_label: all}', {
    dc: 'a',
    zone: 'b',
  }),
  target('r-empty-replacement', '- {source_labels: [dc], target_label: dc, replacement: ""}', { dc: 'a' }),
  target(
    'r-target-name',
    "- {source_labels: [dc], regex: '(.*)', target_label: 'dc_${1}', replacement: yes}",
    { dc: 'a' },
  ),
  target(
    'r-interval-label',
    '- {source_labels: [__scrape_interval__, __scrape_timeout__], target_label: timing}',
  ),
  metric('m-drop', '- {source_labels: [__name__, code], regex: "http_requests_total;5..", action: drop}'),
  metric('m-keep', '- {source_labels: [__name__], regex: "go_.*|node_.*", action: keep}'),
  metric(
    'm-rename',
    "- {source_labels: [__name__], regex: 'node_(.*)', target_label: __name__, replacement: 'n:$1'}",
  ),
  metric('m-labeldrop-collision', '- {regex: code|method, action: labeldrop}'),
  metric('m-drop-name', '- {regex: __name__, action: labeldrop}'),
  metric(
    'm-target-labels',
    '- {source_labels: [job, cpu], regex: "(.*);(.+)", target_label: both, replacement: "$1-$2"}',
  ),
  metric(
    'm-tmp',
    '- {source_labels: [mode], target_label: __tmp}\n- {source_labels: [__tmp], regex: (.+), target_label: copy}',
  ),
  metric('m-hidden', '- {source_labels: [__address__], target_label: address}'),
];
