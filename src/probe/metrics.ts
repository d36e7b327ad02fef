import type { Metrics } from '../lib/index.js';

/** What the probe stage and the schedules of its hosts count. */
export function probeMetrics(metrics: Metrics) {
  return {
    tasks: metrics.gauge('sentinel_probe_tasks', 'Enabled tasks.'),
    runs: metrics.family('counter', 'sentinel_probe_runs_total', 'Runs with a result, by plugin.'),
    failures: metrics.family(
      'counter',
      'sentinel_probe_failures_total',
      'Runs that failed, by plugin and reason.',
    ),
    aborted: metrics.family(
      'counter',
      'sentinel_probe_aborted_total',
      'Runs that were cut short by a stop, a reload or a dead host; they give no sample.',
    ),
    samples: metrics.counter(
      'sentinel_probe_samples_total',
      'Samples that runs gave, stale markers included.',
    ),
    dropped: metrics.family(
      'counter',
      'sentinel_probe_dropped_samples_total',
      'Samples that did not go on, by reason.',
    ),
    droppedResults: metrics.family(
      'counter',
      'sentinel_probe_dropped_results_total',
      'Results that a probe host dropped because the agent did not take them, by lane.',
    ),
    restarts: metrics.family(
      'counter',
      'sentinel_probe_host_restarts_total',
      'Probe hosts that were started again because they died or held a run that did not end, by lane.',
    ),
    droppedLines: metrics.family(
      'counter',
      'sentinel_probe_host_lines_dropped_total',
      'Lines that a probe host logged or printed beyond what is written, by lane.',
    ),
    setAside: metrics.gauge(
      'sentinel_probe_plugins_set_aside',
      'Plugins that are left out for a while because they keep ending their probe host.',
    ),
    loopDelay: metrics.family(
      'gauge',
      'sentinel_probe_host_loop_delay_seconds',
      'Worst delay of the event loop of a probe host in the last second, by lane.',
    ),
    skipped: metrics.family(
      'counter',
      'sentinel_schedule_skipped_total',
      'Ticks without a run because the run before was still going, by plugin.',
    ),
    missed: metrics.family(
      'counter',
      'sentinel_schedule_missed_total',
      'Ticks that passed without a run, by plugin and reason: late (the host was held up), clock (set forward), host (there was none), set_aside.',
    ),
    lag: metrics.family(
      'gauge',
      'sentinel_schedule_lag_seconds',
      'How late the last run started after its planned tick, by plugin.',
    ),
  };
}
