export { Backoff } from './backoff.js';
export { BOOT_MS, BOOT_STEP_MS, type Boot, ProcessStart, systemBoot } from './boot.js';
export {
  PROBE_HOST_PROGRAM,
  PROGRAM_DIRECTORY,
  SENTINEL_PROGRAM,
  STORE_WORKER_PROGRAM,
  VERSION,
  YOUNG_SPACE_FLAG,
} from './build.js';
export { type Clock, systemClock, type Timer } from './clock.js';
export { formatDuration, roughDuration, tryParseDuration } from './duration.js';
export { ERRORS, type ErrorCode, errorLine, invariant, SentinelError } from './errors.js';
export { makeFolder } from './folder.js';
export { type Logger, Throttle } from './log.js';
export {
  Cell,
  type Family,
  formatValue,
  labelKey,
  Metrics,
  type MetricType,
} from './metrics.js';
export { endWithUs } from './orphan-guard.js';
export { sameValue } from './same.js';
export * as field from './schema.js';
export type {
  Entries,
  Fault,
  FieldMetadata,
  FieldShape,
  Output,
  Schema,
  SchemaIssue,
  Section,
} from './schema-type.js';
export { redactUrl, Secret, withoutFile } from './secret.js';
export { isSensitive, shownUrl } from './shown-url.js';
export { formatSize, roughSize, tryParseSize } from './size.js';
export { TimeSlice } from './time-slice.js';
export { Turns } from './turns.js';
