import type { Resolver, Sdk } from '../../src/sdk/index.js';
import { METRICS } from './metrics.js';
import { type HttpConfig, httpSchema } from './options.js';
import { probe } from './probe.js';
import { compileTask, type HttpTask } from './task.js';

/** Asks for a URL and measures each phase; blackbox_exporter's http prober, metric for metric. */
const plugin = (sdk: Sdk) =>
  sdk.define<HttpConfig, Resolver, HttpTask, unknown>({
    name: 'http',
    version: '1.0.0',
    description:
      'Asks for a URL over HTTP or HTTPS, times each phase and checks status, headers, body and certificate.',
    config: httpSchema(sdk),
    target: 'url',
    flags: { method: 'X' },
    settable: [
      'url',
      'method',
      'body',
      'follow_redirects',
      'fail_if_ssl',
      'fail_if_not_ssl',
      'preferred_ip_protocol',
      'ip_protocol_fallback',
    ],
    metrics: METRICS,
    open: async (host) => host.resolver,
    prepare: (config, resolver) => compileTask(sdk, config, resolver),
    collect: probe,
  });

export default plugin;
