export { type ExpositionFormat, formatOf } from './format.js';
export type { Entry, KnownLine, PageExemplar, PageParser } from './parser.js';
export type { HistogramForms } from './protobuf-parser.js';
export {
  createParser,
  type ExposedSample,
  type Exposition,
  type ExpositionOptions,
  ExpositionReader,
  parseExposition,
} from './read.js';
export { RepeatedLabelError, type Series } from './series.js';
