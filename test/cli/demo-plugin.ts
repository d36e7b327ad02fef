import { type Definition, sdk } from '../../src/sdk/index.js';

/** A plugin with one option and one metric, which has this help text. */
export function demoPlugin(help: string): Definition {
  return sdk.define({
    name: 'demo',
    version: '1',
    description: 'Demo.',
    config: sdk.field.section('Options.', { host: sdk.field.text('Host.') }),
    target: 'host',
    metrics: [{ name: 'demo_a', type: 'gauge', help }],
    prepare: () => undefined,
    collect: async () => ({ ok: true, samples: [] }),
  }) as unknown as Definition;
}
