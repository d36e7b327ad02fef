export { compileRelabel, Relabeller, type RelabelStep } from './relabeller.js';
export type { NameScheme, RelabelAction, RelabelRule } from './rule.js';
export { parseSelector, parseSeries } from './selector.js';
