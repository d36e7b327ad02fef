export { watchClock } from './clock-watch.js';
export { type Missed, type Resume, Schedule } from './schedule.js';
