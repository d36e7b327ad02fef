export { BootClock } from './boot-clock.js';
export { type ClockGuard, watchClock } from './clock-watch.js';
export { hash32, offsetOf, tickAfter } from './offset.js';
export { type Missed, type Resume, Schedule } from './schedule.js';
