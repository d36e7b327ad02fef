import { SentinelError } from '../lib/index.js';
import type { DnsRecord, DnsResolver } from '../net/index.js';
import type { DnsDiscovery } from './discovery-config.js';
import type { Answer, Source } from './source.js';
import type { TargetGroup } from './target-group.js';

/** Asks the name servers for records. Each name is a part: one that no server answers for keeps its targets, one that they do not know has none. */
export class DnsSource implements Source {
  readonly #config: DnsDiscovery;
  readonly #resolver: DnsResolver;

  constructor(config: DnsDiscovery, resolver: DnsResolver) {
    this.#config = config;
    this.#resolver = resolver;
  }

  async read(signal: AbortSignal): Promise<Answer> {
    const { names } = this.#config;
    return new Map(
      await Promise.all(names.map(async (name) => [name, await this.#ask(name, signal)] as const)),
    );
  }

  close(): void {
    // Holds nothing: the resolver is not ours.
  }

  async #ask(name: string, signal: AbortSignal): Promise<readonly TargetGroup[] | SentinelError> {
    const { type, port } = this.#config;
    try {
      const records = await this.#resolver.records(name, type, signal);
      const targets = records
        .filter(({ target }) => target !== '')
        .map((record) => labelsOf(record, name, type, port));
      return targets.length === 0 ? [] : [{ source: name, targets: targets.sort(byAddress), labels: {} }];
    } catch (error) {
      if (error instanceof SentinelError) return error;
      throw error;
    }
  }
}

type Target = TargetGroup['targets'][number];

/** Name servers turn the order of records from answer to answer. */
const byAddress = (a: Target, b: Target) => (a.__address__! < b.__address__! ? -1 : 1);

/** The labels of Prometheus; it gives the names of SRV and MX records with their final dot, and the address without. */
function labelsOf(record: DnsRecord, name: string, type: DnsDiscovery['type'], port: number): Target {
  const host = record.target.includes(':') ? `[${record.target}]` : record.target;
  const labels = { __address__: `${host}:${record.port ?? port}`, __meta_dns_name: name };
  if (type === 'MX') return { ...labels, __meta_dns_mx_record_target: `${record.target}.` };
  if (type !== 'SRV') return labels;
  return {
    ...labels,
    __meta_dns_srv_record_target: `${record.target}.`,
    __meta_dns_srv_record_port: String(record.port),
  };
}
