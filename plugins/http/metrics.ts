import type { MetricDeclaration, Sample } from '../../src/sdk/index.js';

/** Every metric of the plugin, named as in blackbox_exporter. */
export const METRICS: readonly MetricDeclaration[] = [
  gauge('probe_dns_lookup_time_seconds', 'Time of the first name look-up, in seconds.'),
  gauge('probe_ip_protocol', 'Family of the address that was asked: 4 or 6; 0 when the name has none.'),
  gauge(
    'probe_ip_addr_hash',
    'Hash (FNV-1a, 32 bits) of the address that was asked; it changes when the address changes.',
  ),
  gauge(
    'probe_http_duration_seconds',
    'Time per `phase` (resolve, connect, tls, processing, transfer), summed over redirects, in seconds.',
  ),
  gauge('probe_http_status_code', 'Status code of the last answer; 0 without an answer.'),
  gauge('probe_http_version', 'HTTP version of the last answer; 0 without an answer.'),
  gauge('probe_http_redirects', 'Number of redirects that were met.'),
  gauge('probe_http_ssl', 'Whether the last answer came over TLS: 0 or 1.'),
  gauge('probe_http_content_length', 'Length that the answer announces, in bytes; -1 when it does not.'),
  gauge(
    'probe_http_uncompressed_body_length',
    'Length of the body that was read, decompressed where `compression` says so, in bytes.',
  ),
  gauge('probe_http_last_modified_timestamp_seconds', 'Last-Modified of the answer, in seconds since 1970.'),
  gauge('probe_failed_due_to_regex', 'Whether a body or header pattern failed the probe: 0 or 1.'),
  gauge(
    'probe_ssl_earliest_cert_expiry',
    'When the first of the certificates that the target sent expires, in seconds since 1970; also when they were not accepted.',
  ),
  gauge(
    'probe_ssl_last_chain_expiry_timestamp_seconds',
    'When the verified chain expires, in seconds since 1970; absent without a verified chain.',
  ),
  gauge(
    'probe_ssl_last_chain_info',
    'Always 1; `fingerprint_sha256`, `subject`, `issuer`, `subjectalternative` and `serialnumber` of the certificate.',
  ),
  gauge('probe_tls_version_info', 'Always 1; `version` of TLS.'),
  gauge('probe_tls_cipher_info', 'Always 1; `cipher` suite by its IANA name.'),
];

function gauge(name: string, help: string): MetricDeclaration {
  return { name, type: 'gauge', help };
}

const PHASES = ['resolve', 'connect', 'tls', 'processing', 'transfer'] as const;

/** A phase of an exchange. */
type Phase = (typeof PHASES)[number];

const PHASE_LABELS = PHASES.map((phase) => ({ phase }));

/** What one run saw, step by step. What never happened stays 0, as in blackbox_exporter. */
export class Sightings {
  /** Milliseconds per phase, summed over redirects. */
  readonly #phases: Record<Phase, number> = { resolve: 0, connect: 0, tls: 0, processing: 0, transfer: 0 };
  #markMs = 0;
  /** The phase that ended last. */
  last: Phase | undefined;
  /** Absent behind a proxy, which looks the name up itself. */
  address: { lookupMs: number; protocol: 0 | 4 | 6; hash: number } | undefined;
  status = 0;
  version = 0;
  redirects = 0;
  ssl = false;
  contentLength = 0;
  bodyLength = 0;
  lastModifiedSeconds: number | undefined;
  failedRegex = false;
  /** Samples of the last TLS handshake. */
  tls: readonly Sample[] = [];

  /** A phase begins. */
  start(): void {
    this.#markMs = performance.now();
  }

  /** The phase that began last ends, and the next one begins. Gives its milliseconds. */
  end(phase: Phase): number {
    const now = performance.now();
    const spent = now - this.#markMs;
    this.#phases[phase] += spent;
    this.#markMs = now;
    this.last = phase;
    return spent;
  }

  samples(): Sample[] {
    const samples: Sample[] = [];
    if (this.address !== undefined) {
      samples.push(
        { name: 'probe_dns_lookup_time_seconds', value: this.address.lookupMs / 1000 },
        { name: 'probe_ip_protocol', value: this.address.protocol },
        { name: 'probe_ip_addr_hash', value: this.address.hash },
      );
    }
    for (let i = 0; i < PHASES.length; i++)
      samples.push({
        name: 'probe_http_duration_seconds',
        labels: PHASE_LABELS[i]!,
        value: this.#phases[PHASES[i]!] / 1000,
      });
    samples.push(
      { name: 'probe_http_status_code', value: this.status },
      { name: 'probe_http_version', value: this.version },
      { name: 'probe_http_redirects', value: this.redirects },
      { name: 'probe_http_ssl', value: this.ssl ? 1 : 0 },
      { name: 'probe_http_content_length', value: this.contentLength },
      { name: 'probe_http_uncompressed_body_length', value: this.bodyLength },
      { name: 'probe_failed_due_to_regex', value: this.failedRegex ? 1 : 0 },
    );
    if (this.lastModifiedSeconds !== undefined)
      samples.push({ name: 'probe_http_last_modified_timestamp_seconds', value: this.lastModifiedSeconds });
    samples.push(...this.tls);
    return samples;
  }
}
