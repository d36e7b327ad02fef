export { hash32, offsetOf, tickAfter } from './offset.js';
export { type Plan, Schedule, type ScheduleEvents } from './schedule.js';
