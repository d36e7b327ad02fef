export type { NameScheme, RelabelAction, RelabelRule } from './rule.js';
