export { Batch, type BatchSource, type BatchTimes, FLAG_STALE, type Next, type Taken } from './batch.js';
export type { Block } from './block.js';
export { ByteColumn } from './byte-column.js';
export type { BucketSide, BucketSpan, Exemplar, NativeHistogram } from './histogram.js';
export { compareBytes, type Labels, labelsBeside, labelsOf, labelsToMap, labelValue } from './labels.js';
export type { FamilyType, MetricMetadata } from './metadata.js';
export { type Column, Columns, type SeriesRef, SeriesTable, type SeriesView } from './series.js';
export { StaleTracker } from './stale-tracker.js';
