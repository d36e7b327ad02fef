/** What a rule may do: those of Prometheus, then those that vmagent adds. */
export type RelabelAction =
  | 'replace'
  | 'keep'
  | 'drop'
  | 'keepequal'
  | 'dropequal'
  | 'hashmod'
  | 'labelmap'
  | 'labeldrop'
  | 'labelkeep'
  | 'lowercase'
  | 'uppercase'
  | 'replace_all'
  | 'labelmap_all'
  | 'keep_if_equal'
  | 'drop_if_equal'
  | 'keep_if_contains'
  | 'drop_if_contains'
  | 'keep_metrics'
  | 'drop_metrics'
  | 'graphite';

/** One checked rule, as plain data: what a key's default is, it has here. Compared and sent between processes; `compileRelabel` makes it run. */
export interface RelabelRule {
  action: RelabelAction;
  sourceLabels: readonly string[];
  separator: string;
  /** RE2; several of a list are joined by `|`. */
  regex: string;
  /** Of hashmod. */
  modulus: number;
  targetLabel: string;
  replacement: string;
  /** Series selectors, one of which must match for the rule to apply; empty = it always applies. */
  if: readonly string[];
  /** Of graphite: a pattern such as `*.*.total`, and the labels it gives. */
  match: string;
  labels: Readonly<Record<string, string>>;
}

/** Which names of labels and metrics are good ones: any UTF-8, or `[a-zA-Z_][a-zA-Z0-9_]*` (metrics also with colons). */
export type NameScheme = 'utf8' | 'legacy';
