import type { Fault } from './fault.js';
import type { OpenOptions, Store } from './store.js';

/** What the agent asks the worker: to open the file, once and first, or a method of the store. */
export type Call =
  | { id: number; method: 'open'; args: [OpenOptions] }
  | { [Name in keyof Store]: { id: number; method: Name; args: Parameters<Store[Name]> } }[keyof Store];

/** What the worker answers. */
export type Answer = { id: number; result: unknown } | { id: number; fault: Fault };
