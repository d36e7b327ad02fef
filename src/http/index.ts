export { createHttpEdge, type HttpEdge, type HttpEdgeOptions } from './edge.js';
export type { HttpOptions } from './options.js';
export type { HttpView } from './view.js';
