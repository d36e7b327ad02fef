export { ClockWatch } from './clock-watch.js';
export { hash32 } from './offset.js';
export {
  type Missed,
  type MissReason,
  type Plan,
  type Resume,
  Schedule,
  type ScheduleEvents,
} from './schedule.js';
