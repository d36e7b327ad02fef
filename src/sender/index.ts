export type { Destination } from './destination.js';
export type { DestinationStatus } from './status.js';
