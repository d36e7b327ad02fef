export { hash32 } from './offset.js';
export { type Plan, Schedule, type ScheduleEvents } from './schedule.js';
