import { Batch, type Labels } from '../model/index.js';

/** The markers of a target that is gone, but those of series that another one writes by now: Prometheus would refuse them as out of order. */
export function withoutWritten(markers: Batch, isWritten: (labels: Labels) => boolean): Batch {
  const left = new Batch(markers.source, markers.table, markers.times, markers.length);
  for (let i = 0; i < markers.length; i++) {
    const ref = markers.refs[i]!;
    if (!isWritten(markers.table.labels(ref))) left.addStale(ref, markers.timestamps[i]!);
  }
  return left;
}
