export { createHttpEdge, type HttpEdge, type HttpEdgeOptions } from './edge.js';
