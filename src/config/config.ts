import type { BufferOptions } from '../buffer/index.js';
import type { HttpOptions } from '../http/index.js';
import type { Task } from '../probe/index.js';
import type { RelabelRule } from '../relabel/index.js';
import type { ClusterConfig, ScrapeConfig } from '../scrape/index.js';
import type { Destination } from '../sender/index.js';

/** A whole configuration: checked, compiled, frozen. */
export interface Config {
  /** The file it was read from, absolute. */
  file: string;
  sentinel: {
    name: string;
    region: string;
    labels: Readonly<Record<string, string>>;
    /** Absolute. */
    dataDirectory: string;
    /** 0 = the agent's own metrics are not sent. */
    selfMetricsIntervalMs: number;
  };
  /** Added to every sample that lacks the label. */
  externalLabels: Readonly<Record<string, string>>;
  /** The enabled ones. */
  tasks: readonly Task[];
  /** The jobs, those of `scrape_config_files` behind those of the file itself. */
  scrape: readonly ScrapeConfig[];
  cluster: ClusterConfig;
  /** Rules for the samples of all destinations, before each one's own. */
  writeRelabel: readonly RelabelRule[];
  plugins: {
    /** Absolute. */
    directories: readonly string[];
    /** Keys that hold for a whole probe host, by plugin, as written. */
    hostConfig: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  http: HttpOptions;
  buffer: BufferOptions;
  destinations: readonly Destination[];
  logging: LoggingOptions;
  /** The sections without `tasks` as written, for people, as YAML: environment put in, secrets masked. A text, because it crosses between processes. */
  shown: string;
  /** What deserves a line in the log but is no error (a key without effect, secrets readable by others). */
  warnings: readonly string[];
}

/** The `logging` section, compiled. */
export interface LoggingOptions {
  level: 'debug' | 'info' | 'warn' | 'error';
  format: 'pretty' | 'json';
  stdout: boolean;
  /** Absolute path, or `undefined` for no file. */
  file: string | undefined;
  /** When the file is moved aside; 0 = never. */
  maxSizeBytes: number;
  /** Files kept, the one that is written included. */
  maxFiles: number;
}
