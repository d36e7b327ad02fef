import type { LaneSettings } from './lane.js';
import type { PluginFolder } from './plugin-loader.js';
import type { AgentLabels } from './task-series.js';

/** What holds for all tasks, and may change while the agent runs. */
export interface ProbesSettings {
  catalog: { plugins: ReadonlyMap<string, Omit<PluginFolder, 'options'>> };
  agent: AgentLabels;
  /** Keys of `plugins.config` that hold for a whole probe host, by plugin. */
  hostConfig: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The part of them that the host of a lane needs. */
export function laneSettingsOf(name: string, { catalog, agent, hostConfig }: ProbesSettings): LaneSettings {
  const own = [...catalog.plugins.values()].filter(
    (plugin) => plugin.lane === name || plugin.definition.name === name,
  );
  return {
    plugins: own.map(({ directory, builtin, stamp }) => ({ directory, builtin, stamp })),
    hello: {
      agentName: agent.name,
      hostConfig: Object.fromEntries(
        own.map(({ definition }) => [definition.name, hostConfig[definition.name] ?? {}]),
      ),
    },
    // A built-in plugin that asked for a lane of its own measures short times.
    timed: own.some(({ builtin, lane }) => builtin && lane !== 'probe'),
  };
}

/** Changes with the code of a plugin. */
export function stampOf({ catalog }: ProbesSettings, plugin: string): string | undefined {
  return catalog.plugins.get(plugin)?.stamp;
}
