export { ClockWatch } from './clock-watch.js';
export { offsetOf, tickAfter } from './offset.js';
export { type MissReason, type Plan, type Resume, Schedule, type ScheduleEvents } from './schedule.js';
