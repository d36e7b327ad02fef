import { labelKey, redactUrl } from '../lib/index.js';
import type { Outcome } from '../probe/index.js';
import type { Definition, Reason } from '../sdk/index.js';
import { declarationsOf, numberJson, readableValue, samplesText } from './samples.js';
import { colorsOf, table } from './terminal.js';

/** A run to report on. */
export interface Report {
  definition: Definition;
  target: string;
  plannedMs: number;
  outcome: Extract<Outcome, { kind: 'result' }>;
}

/** How a run can be printed. */
export type ReportFormat = 'text' | 'json' | 'prometheus';

const SHOWN_SAMPLES = 60;

/** What to look at, where the reason alone does not say it. */
const CURES: Partial<Record<Reason, string>> = {
  resolve: 'Check the name, /etc/hosts and the name servers in /etc/resolv.conf.',
  refused: 'Nothing listens at that address and port, or a firewall rejects.',
  certificate: "Check the certificate's names, dates and issuer, and the time of this host.",
  bind: 'Check that the source address and the interface are of this host.',
  internal: 'The plugin itself failed; report it with its version: sentinel plugins NAME.',
};

/** The report of a run in one of the formats. */
export function reportOf(report: Report, format: ReportFormat): string {
  if (format === 'prometheus') return samplesText(report.outcome.samples, report.definition);
  return format === 'json' ? reportJson(report) : reportText(report);
}

function reportJson({ definition, target, plannedMs, outcome }: Report): string {
  const { ok, reason, evidence, durationSeconds } = outcome;
  const samples = outcome.samples.map(({ name, labels = {}, value, timestampMs }) => ({
    name,
    labels,
    value: numberJson(value),
    timestamp: new Date(timestampMs ?? plannedMs).toISOString(),
  }));
  return JSON.stringify(
    {
      plugin: definition.name,
      target: redactUrl(target),
      planned: new Date(plannedMs).toISOString(),
      duration_seconds: durationSeconds,
      ok,
      reason: reason ?? null,
      evidence: evidence ?? null,
      samples,
    },
    undefined,
    2,
  );
}

function reportText({ definition, target, outcome }: Report): string {
  const colors = colorsOf(process.stdout);
  const { ok, reason, evidence, durationSeconds, samples } = outcome;
  const verdict = ok ? colors.green('ok') : colors.red(`FAILED (${reason})`);
  const said = evidence === undefined ? '' : `: ${evidence}`;
  const head = `${definition.name} ${redactUrl(target)}: ${verdict} after ${readableValue('_ms', durationSeconds * 1000)}${said}`;
  const cure = reason === undefined ? undefined : CURES[reason];
  const declared = declarationsOf(definition);
  const rows = samples.slice(0, SHOWN_SAMPLES).map(({ name, labels = {}, value }, i) => [
    `${name}${labelKey(labels)}`,
    readableValue(name, value),
    // Once for the samples of one name.
    colors.dim((samples[i - 1]?.name !== name && declared.get(name)?.help) || ''),
  ]);
  const more = samples.length - rows.length;
  const lines = [head, ...(cure === undefined ? [] : [cure]), table(rows, '  ')];
  return (more > 0 ? [...lines, `  and ${more} samples more; -o prometheus prints all`] : lines).join('\n');
}
