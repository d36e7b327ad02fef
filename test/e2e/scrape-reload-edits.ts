import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What stands around an agent that scrapes while its configuration is edited. */
interface Surroundings {
  folder: string;
  /** Where the agent listens. */
  listen: string;
  /** Addresses of targets: of the first job, which no edit touches, and of the others. */
  steady: readonly string[];
  others: readonly string[];
  /** A list of targets by HTTP. */
  discovery: string;
  /** URLs of two receivers: the first is always configured. */
  kept: string;
  flaky: string;
}

/** A configuration of scraping in which anything may be another from reload to reload, the same for the same seed. */
export class ScrapeEdits {
  readonly #around: Surroundings;
  #random: number;

  constructor(seed: number, around: Surroundings) {
    this.#random = seed;
    this.#around = around;
    writeFileSync(join(around.folder, 'targets.json'), JSON.stringify([{ targets: around.others }]));
  }

  /** Whether something happens that does so with this probability. */
  chance(probability: number): boolean {
    return this.#draw(1e6) < probability * 1e6;
  }

  /** Another configuration: jobs, discoveries, destinations, cluster, labels and rules, all drawn at once. */
  next(hasFlaky = this.chance(0.7)): string {
    const { listen, steady, kept, flaky } = this.#around;
    const jobs = ['a', 'b', 'c', 'd'].filter(() => this.chance(0.7)).map((name) => this.#job(name));
    return `
sentinel: {name: reloads, self_metrics_interval: ${this.chance(0.5) ? '0s' : '1s'}}
http: {listen: "${listen}"}
logging: {output: stdout, format: json, level: info}
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  external_labels: {fleet: "${this.#draw(3)}"}
buffer: {commit_interval: ${1 + this.#draw(3)}s}
cluster: {members: ${1 + this.#draw(2)}, member: 0}
scrape_configs:
- {job_name: steady, relabel_configs: [{source_labels: [__address__], target_label: steady, replacement: "yes"}], static_configs: [{targets: ${JSON.stringify(steady)}}]}
${jobs.join('\n')}
remote_write:
- ${this.#destination('kept', kept)}
${hasFlaky ? `- ${this.#destination('flaky', flaky)}` : ''}
write_relabel_configs: ${JSON.stringify(this.#rules())}
`;
  }

  /** Always the same: the jobs that no edit touches, to the receiver that is always there. What an agent holds under it may be compared. */
  calm(): string {
    const { listen, steady, kept } = this.#around;
    return `
sentinel: {name: reloads, self_metrics_interval: 0s}
http: {listen: "${listen}"}
logging: {output: stdout, format: json, level: info}
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
- {job_name: steady, relabel_configs: [{source_labels: [__address__], target_label: steady, replacement: "yes"}], static_configs: [{targets: ${JSON.stringify(steady)}}]}
remote_write:
- {name: kept, url: "${kept}"}
`;
  }

  #destination(name: string, url: string): string {
    const rules = [
      { source_labels: ['__name__'], regex: `scrape_.*|dropped_${name}`, action: 'drop' },
      ...this.#rules(),
    ];
    const options = {
      name,
      url,
      send_exemplars: this.chance(0.5),
      remote_timeout: `${3 + this.#draw(2)}s`,
      metadata_config: { send: this.chance(0.5), send_interval: '1s' },
      write_relabel_configs: rules,
      queue_config: {
        batch_send_deadline: `${100 + 50 * this.#draw(6)}ms`,
        min_backoff: '100ms',
        max_backoff: '1s',
      },
    };
    return JSON.stringify(options);
  }

  #rules(): object[] {
    return this.chance(0.5) ? [] : [{ target_label: 'edited', replacement: String(this.#draw(4)) }];
  }

  #job(name: string): string {
    const { others, discovery, folder } = this.#around;
    const sources = [
      { static_configs: [{ targets: others.filter(() => this.chance(0.6)) }] },
      { file_sd_configs: [{ files: [join(folder, '*.json')], refresh_interval: `${1 + this.#draw(3)}s` }] },
      { http_sd_configs: [{ url: discovery, refresh_interval: `${1 + this.#draw(3)}s` }] },
    ];
    const job = {
      job_name: name,
      scrape_interval: `${300 + 100 * this.#draw(3)}ms`,
      scrape_timeout: '300ms',
      metrics_path: `/${name}`,
      params: { v: [String(this.#draw(2))] },
      honor_labels: this.chance(0.5),
      sample_limit: this.chance(0.2) ? 1 : 0,
      http_headers: { 'X-Edit': { values: [String(this.#draw(2))] } },
      relabel_configs: this.#rules(),
      metric_relabel_configs: this.#rules(),
      ...sources[this.#draw(sources.length)],
    };
    return `- ${JSON.stringify(job)}`;
  }

  /** An integer from 0 to below `limit` (a linear congruential generator, as of Numerical Recipes). */
  #draw(limit: number): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * limit);
  }
}
