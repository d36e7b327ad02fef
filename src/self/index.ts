export { LoopDelay } from './loop-delay.js';
export { SelfMetrics, type SelfSettings } from './self-metrics.js';
