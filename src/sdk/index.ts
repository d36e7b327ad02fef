import { type ExpositionOptions, ExpositionReader, parseExposition } from '../exposition/index.js';
import { field } from '../lib/index.js';
import { createTlsContext } from '../net/index.js';
import { DeadlineError, type Definition, OptionError } from './plugin.js';

export type {
  ExposedSample,
  Exposition,
  ExpositionFormat,
  ExpositionOptions,
  ExpositionReader,
} from '../exposition/index.js';
export { field, type MetricType, redactUrl, type Schema, Secret } from '../lib/index.js';
export type {
  Address,
  HttpClient,
  HttpClientOptions,
  HttpRequest,
  HttpResponse,
  IpFamily,
  Resolver,
  TlsContext,
  TlsOptions,
} from '../net/index.js';
export {
  DeadlineError,
  type Definition,
  type MetricDeclaration,
  OptionError,
  type PluginHost,
  REASONS,
  type Reason,
  type Result,
  type Run,
  type Sample,
  UNMEASURED,
} from './plugin.js';

/** What a plugin is given: the one public promise. A plugin imports types from here and no values, so that one outside the tree is written in the same way. */
export interface Sdk {
  /** Grows when a plugin must change. */
  version: 1;
  /** Gives the definition back; infers its types. */
  define: typeof define;
  /** Builders of the config schema. */
  field: typeof field;
  /** Throw it for a wrong option. */
  OptionError: typeof OptionError;
  /** `signal.reason` when a run reached its deadline. */
  DeadlineError: typeof DeadlineError;
  /** The certificates of a `tls_config`, for a plugin that speaks TLS by itself; the system's trusted ones where no file is named. */
  createTlsContext: typeof createTlsContext;
  /** Reads one page of metrics: the Prometheus text format or OpenMetrics, by its Content-Type. Throws SEN_EXPOSITION_INVALID or SEN_LIMIT. */
  parseExposition: typeof parseExposition;
  /** A reader for the pages of one target, which reads an unchanged series for the price of a compare. */
  createExpositionReader(options: ExpositionOptions): ExpositionReader;
}

/** The default export of a plugin folder. */
export type PluginModule = (sdk: Sdk) => Definition<never, never, never, never>;

/** The sdk that the loader hands to plugins. */
export const sdk: Sdk = {
  version: 1,
  define,
  field,
  OptionError,
  DeadlineError,
  createTlsContext,
  parseExposition,
  createExpositionReader: (options) => new ExpositionReader(options),
};

function define<Config, Shared, Prepared, HostConfig>(
  definition: Definition<Config, Shared, Prepared, HostConfig>,
): Definition<Config, Shared, Prepared, HostConfig> {
  return definition;
}
