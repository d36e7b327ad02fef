export type { Destination } from './destination.js';
export { createSender, type Sender, type SenderResult } from './sender.js';
export type { DestinationStatus } from './status.js';
