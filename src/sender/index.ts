export type { BlockSource, PendingBlock } from './block-source.js';
export type { Destination } from './destination.js';
export { createSender, type Sender, type SenderResult, type SenderSetUp } from './sender.js';
export type { DestinationStatus } from './status.js';
