// Only until src/config is merged: the branch that writes it replaces this file and the line of index.ts.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { SentinelError } from '../lib/index.js';
import { loadPlugins, type PluginCatalog } from '../probe/index.js';
import type { Config } from './config.js';

type Raw = Record<string, Record<string, unknown> & Record<string, string>> & {
  tasks?: { [key: string]: string }[];
};

/** Reads just enough for the tests of the command line. */
export async function loadConfig(file: string): Promise<{ config: Config; catalog: PluginCatalog }> {
  let raw: Raw;
  try {
    raw = (parse(readFileSync(file, 'utf8')) ?? {}) as Raw;
  } catch (cause) {
    throw new SentinelError('SEN_CONFIG_INVALID', `cannot read "${file}"`, { cause });
  }
  const base = dirname(file);
  const { plugins, logging } = raw;
  const directories = ((plugins?.directories ?? []) as unknown as string[]).map((path) =>
    resolve(base, path),
  );
  const catalog = await loadPlugins(directories);
  const config: Config = {
    file,
    sentinel: { name: 'test', region: '', labels: {}, dataDirectory: resolve(base, 'data') },
    externalLabels: {},
    tasks: (raw.tasks ?? []).map((task) => ({
      id: task.id!,
      deviceId: task.id!,
      target: '127.0.0.1',
      plugin: task.plugin!,
      lane: task.plugin!,
      intervalMs: 60_000,
      timeoutMs: 5000,
      labels: {},
      config: task.config as unknown as Record<string, unknown>,
      baseDirectory: base,
    })),
    plugins: { directories, hostConfig: {} },
    http: { listen: raw.http?.listen ?? '127.0.0.1:9872' },
    buffer: {
      commitIntervalMs: 0,
      maxSizeBytes: 0,
      maxAgeMs: 0,
      maxMemoryBytes: 0,
      onFull: 'drop_oldest',
      synchronous: 'normal',
    },
    destinations: [],
    logging: {
      level: 'info',
      format: 'json',
      stdout: logging?.output !== 'file',
      file: logging?.file_path === undefined ? undefined : resolve(base, logging.file_path),
    },
    warnings: [],
  };
  return { config, catalog };
}
