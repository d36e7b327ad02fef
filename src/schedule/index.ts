export { offsetOf, tickAfter } from './offset.js';
export { Schedule } from './schedule.js';
