export type { DestinationJson } from './destinations.js';
export { createHttpEdge, type HttpEdge, type HttpEdgeOptions } from './edge.js';
export type { JobJson } from './jobs.js';
export type { HttpOptions } from './options.js';
export type { BuildJson, RuntimeJson } from './status.js';
export type { TaskJson } from './tasks.js';
export type { HttpView } from './view.js';
