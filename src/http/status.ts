import { VERSION } from '../lib/index.js';
import { timeJson } from './tasks.js';
import type { HttpView } from './view.js';

/** What `/api/v1/status/buildinfo` shows. */
export function buildJson() {
  return { version: VERSION, node: process.version, platform: process.platform, arch: process.arch };
}

/** What `/api/v1/status/runtimeinfo` shows of the agent's process, its probe hosts and its buffer. Sizes in bytes. */
export function runtimeJson(view: HttpView, nowMs: number) {
  const { name, startMs, configFile, reloaded, dataDirectory, loopDelayMs, buffer } = view.runtime();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { ready, reasons } = view.ready();
  return {
    name,
    pid: process.pid,
    start_time: timeJson(startMs),
    uptime_seconds: Math.max(0, nowMs - startMs) / 1000,
    config_file: configFile,
    last_reload_successful: reloaded,
    data_dir: dataDirectory,
    resident_memory_bytes: rss,
    heap_used_bytes: heapUsed,
    external_memory_bytes: external,
    loop_delay_seconds: Math.round(loopDelayMs) / 1000,
    ready,
    not_ready_reasons: reasons,
    hosts: view.hosts().map(({ lane, pid, tasks, restarts, loopDelayMs: hostDelayMs }) => ({
      lane,
      pid: pid ?? null,
      tasks,
      restarts,
      loop_delay_seconds: Math.round(hostDelayMs) / 1000,
    })),
    buffer: {
      memory_bytes: buffer.memoryBytes,
      disk_bytes: buffer.diskBytes,
      disk_healthy: buffer.diskHealthy,
    },
  };
}

/** The agent in an answer. */
export type RuntimeJson = ReturnType<typeof runtimeJson>;
export type BuildJson = ReturnType<typeof buildJson>;
