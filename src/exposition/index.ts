export { type ExpositionFormat, formatOf } from './format.js';
export { type Entry, type Exemplar, ExpositionParser } from './parser.js';
export {
  createParser,
  type ExposedSample,
  type Exposition,
  type ExpositionOptions,
  ExpositionReader,
  parseExposition,
} from './read.js';
export type { FamilyType, Series } from './series.js';
