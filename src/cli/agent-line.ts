import type { TaskStatus } from '../probe/index.js';
import type { DestinationStatus } from '../sender/index.js';

const MAX_ERROR = 80;
const MAX_LINE = 300;

/** One line about the agent for `systemctl status`: tasks and how many fail, then each destination and what is pending for it. */
export function agentLine(tasks: readonly TaskStatus[], destinations: readonly DestinationStatus[]): string {
  const failing = tasks.filter(({ last, problem }) => problem !== undefined || last?.ok === false).length;
  const counts = `${tasks.length} tasks, ${failing} failing`;
  const places = destinations.length === 0 ? ['no destination'] : destinations.map(destinationPart);
  return [counts, ...places].join('; ').slice(0, MAX_LINE);
}

function destinationPart({ name, pendingSamples, lastError }: DestinationStatus): string {
  const pending = `${name}: ${pendingSamples} samples pending`;
  return lastError === undefined ? pending : `${pending}, ${lastError.slice(0, MAX_ERROR)}`;
}
