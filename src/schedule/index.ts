export { watchClock } from './clock-watch.js';
export { offsetOf, tickAfter } from './offset.js';
export { type Missed, type Resume, Schedule } from './schedule.js';
