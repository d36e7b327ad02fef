import type { LoadDependencies } from '../../src/config/index.js';
import type { LoadedPlugin, PluginCatalog } from '../../src/probe/index.js';
import { type Definition, field, OptionError, sdk } from '../../src/sdk/index.js';

const nothing = {
  version: '1.0.0',
  metrics: 'dynamic' as const,
  prepare: () => undefined,
  collect: async () => ({ ok: true, samples: [] }),
};

const ping = sdk.define({
  ...nothing,
  name: 'ping',
  lane: 'ping',
  description: 'A stand-in with the options that the configuration must understand.',
  target: 'host',
  config: field.section('Options.', {
    host: field.text('Host.'),
    count: field.integer('Packets.', { default: 3, min: 1, max: 1000 }),
    interval: field.duration('Between two packets.', { default: '1s' }),
    timeout: field.duration('For the last reply.', { default: '5s' }),
  }),
  hostConfig: field.section('For the process.', {
    max_packet_rate: field.integer('Packets a second.', { default: 1000, min: 1 }),
  }),
  fit(config, given, timeoutMs) {
    const needed = (config.count - 1) * config.interval + config.timeout;
    if (timeoutMs === undefined) return { config, timeoutMs: needed };
    if (needed > timeoutMs && given.has('count'))
      throw new OptionError('count', `needs ${needed}ms, but the timeout of the task is ${timeoutMs}ms`);
    return { config, timeoutMs };
  },
});

const http = sdk.define({
  ...nothing,
  name: 'http',
  description: 'A stand-in with a URL and a secret.',
  target: 'url',
  config: field.section('Options.', {
    url: field.url('URL.'),
    bearer_token: field.secret('Token.', { optional: true }),
    headers: field.map('Headers.', field.text('Value.'), { default: {} }),
    method: field.choice('Method.', ['GET', 'POST'], { default: 'GET' }),
  }),
});

const scrape = sdk.define({
  ...nothing,
  name: 'scrape-exporter',
  description: 'A stand-in with a URL.',
  target: 'url',
  config: field.section('Options.', { url: field.url('URL.') }),
});

/** Plugins that stand in for the real ones, so that these tests depend on the configuration alone. */
export const catalog: PluginCatalog = {
  plugins: new Map(
    [ping, http, scrape].map((definition) => [definition.name, loaded(definition as Definition)]),
  ),
  problems: [],
};

function loaded(definition: Definition): LoadedPlugin {
  return {
    definition,
    directory: `/plugins/${definition.name}`,
    builtin: true,
    lane: definition.lane ?? 'probe',
    stamp: '',
  };
}

/** Dependencies of a load in an empty environment. */
export function dependencies(more: Partial<LoadDependencies> = {}): LoadDependencies {
  return {
    env: {},
    cwd: '/work-directory',
    hostname: 'test-host',
    isTty: false,
    loadPlugins: async () => catalog,
    ...more,
  };
}
