export { Backoff } from './backoff.js';
export { PROBE_HOST_PROGRAM, PROGRAM_DIRECTORY, VERSION } from './build.js';
export { type Clock, systemClock, type Timer } from './clock.js';
export { formatDuration, tryParseDuration } from './duration.js';
export { ERRORS, type ErrorCode, errorLine, invariant, SentinelError } from './errors.js';
export { type Logger, Throttle } from './log.js';
export {
  Cell,
  Family,
  formatValue,
  labelKey,
  Metrics,
  type MetricType,
} from './metrics.js';
export * as field from './schema.js';
export type { Entries, Fault, FieldMetadata, Output, Schema, SchemaIssue, Section } from './schema-type.js';
export { redactUrl, Secret, withoutFile } from './secret.js';
export { formatSize, tryParseSize } from './size.js';
