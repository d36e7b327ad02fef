import { field } from '../lib/index.js';

/** Intervals beyond this do not fit a timer of Node (2^31 ms). */
const LONGEST_INTERVAL_MS = 24 * 86_400_000;

/** Labels that come from keys of a task. */
const OWN_LABELS = ['device_id', 'task', 'plugin', 'target'];

/** Labels as a user writes them; `refused` names those that have a key of their own. */
export function labelsField(
  description: string,
  refused: readonly string[],
  example: Record<string, string>,
) {
  return field.map(description, field.text('Value of the label.', { empty: true }), {
    default: {},
    example,
    keyFault: (name) => labelFault(name, refused),
  });
}

function labelFault(name: string, refused: readonly string[]): string | undefined {
  if (name === '__name__') return 'the name of a metric cannot be set as a label';
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))
    return 'expected a label name: letters, digits and _, not starting with a digit';
  return refused.includes(name) ? `the label ${name} is set by Sentinel` : undefined;
}

/** One entry of `tasks`. */
export const taskSection = field.section('One thing to probe.', {
  id: field.text('Name of the task, unique; label `task`.', { example: 'ping-gateway' }),
  device_id: field.text('Label `device_id`; without it the target.', { optional: true, example: 'gateway' }),
  plugin: field.text('What runs it: a folder of plugins/ or of `plugins.directories`.', { example: 'ping' }),
  interval: field.duration('Time from one run to the next.', {
    example: '60s',
    min: 1,
    max: LONGEST_INTERVAL_MS,
  }),
  timeout: field.duration('When a run is ended; without it 30s, or the interval where that is shorter.', {
    optional: true,
    example: '10s',
    min: 1,
  }),
  enabled: field.flag('Whether it runs; it is checked in any case.', { default: true }),
  labels: labelsField("More labels for this task's samples.", OWN_LABELS, { site: 'hq' }),
  config: field.map(
    "The plugin's own keys: see `sentinel plugins NAME`.",
    field.anything('Value of the key.'),
    {
      default: {},
      example: { host: '192.0.2.1' },
    },
  ),
});

/** The `tasks` section. */
export const tasksSection = field.list('What to probe.', taskSection, { default: [] });

/** The `plugins` section. */
export const pluginsSection = field.section(
  'Where plugins are, and what holds for all tasks of one.',
  {
    directories: field.list(
      'Folders that hold more plugin folders, beside the built-in ones; relative to this file.',
      field.text('A folder.', {}),
      { default: [], example: ['/etc/sentinel/plugins'] },
    ),
    config: field.map(
      'Per plugin: defaults for every task of it, and keys that hold for its whole process.',
      field.map('Keys of the plugin.', field.anything('Value of the key.')),
      { default: {}, example: { ping: {} } },
    ),
  },
  { default: {} },
);
