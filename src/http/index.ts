export { createHttpEdge, type HttpEdge, type HttpEdgeOptions } from './edge.js';
export { parseListen } from './listen.js';
export type { HttpView } from './view.js';
