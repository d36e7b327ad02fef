/** What a family is, as its TYPE says; `unknown` without one (`untyped` in the text format). */
export type FamilyType =
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'gaugehistogram'
  | 'summary'
  | 'info'
  | 'stateset'
  | 'unknown';

/** What a target says of a metric family. */
export interface MetricMetadata {
  family: string;
  type: FamilyType;
  help: string;
  unit: string;
}
