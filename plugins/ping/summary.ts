import type { MetricDeclaration, Result, Sample } from '../../src/sdk/index.js';
import type { EchoOutcome } from './echo.js';

const metric = (name: string, help: string): MetricDeclaration => ({ name, type: 'gauge', help });

/** Every metric of the plugin. */
export const METRICS: readonly MetricDeclaration[] = [
  metric('ping_rtt_ms', 'Mean round-trip time of the replies, in milliseconds.'),
  metric('ping_rtt_min_ms', 'Shortest round-trip time, in milliseconds.'),
  metric('ping_rtt_max_ms', 'Longest round-trip time, in milliseconds.'),
  metric('ping_rtt_stddev_ms', 'Standard deviation of the round-trip times, in milliseconds.'),
  metric(
    'ping_jitter_ms',
    'Mean difference between the round-trip times of one reply and the next, in milliseconds; needs two replies.',
  ),
  metric('ping_packet_loss', 'Share of the packets sent that got no reply, 0 to 1.'),
  metric('ping_reachable', '1 when at least one reply came, else 0.'),
  metric('ping_packets_sent', 'Echo requests given to the network, also those that it refused at once.'),
  metric('ping_packets_received', 'Echo replies that came in time; duplicates do not count.'),
];

/** What a run says about its target. `maxLoss` is the loss from which on, when exceeded, the run is a failure. */
export function summarize(outcomes: readonly EchoOutcome[], maxLoss: number | undefined): Result {
  const failed = outcomes.find((outcome) => outcome.kind === 'failed');
  if (failed !== undefined)
    return { ok: false, reason: failed.reason, samples: [], evidence: failed.evidence };
  const rtts = outcomes.flatMap((outcome) => (outcome.kind === 'reply' ? [outcome.rttMs] : []));
  const lost = outcomes.filter((outcome) => outcome.kind === 'lost');
  const unjudged = outcomes.find((outcome) => outcome.kind === 'unjudged');
  const sent = rtts.length + lost.length;
  if (sent === 0)
    return {
      ok: false,
      reason: 'internal',
      samples: [],
      evidence: `no packet could be judged: ${unjudged?.evidence ?? 'the run ended before the first had its time'}`,
    };

  // Of several reasons for silence the one that somebody told is worth more than a timeout.
  const cause = lost.findLast((outcome) => outcome.reason !== 'timeout') ?? lost.at(-1);
  const loss = lost.length / sent;
  const result = { samples: samplesOf(rtts, sent), evidence: evidenceOf(rtts, sent, cause ?? unjudged) };
  if (maxLoss === undefined ? rtts.length > 0 : loss <= maxLoss) return { ok: true, ...result };
  return { ok: false, reason: rtts.length > 0 ? 'loss' : (cause?.reason ?? 'timeout'), ...result };
}

function samplesOf(rtts: readonly number[], sent: number): Sample[] {
  const samples: Sample[] = [
    { name: 'ping_packet_loss', value: (sent - rtts.length) / sent },
    { name: 'ping_reachable', value: rtts.length > 0 ? 1 : 0 },
    { name: 'ping_packets_sent', value: sent },
    { name: 'ping_packets_received', value: rtts.length },
  ];
  if (rtts.length === 0) return samples;
  const mean = meanOf(rtts);
  samples.push(
    { name: 'ping_rtt_ms', value: mean },
    { name: 'ping_rtt_min_ms', value: Math.min(...rtts) },
    { name: 'ping_rtt_max_ms', value: Math.max(...rtts) },
    { name: 'ping_rtt_stddev_ms', value: Math.sqrt(meanOf(rtts.map((rtt) => (rtt - mean) ** 2))) },
  );
  if (rtts.length > 1)
    samples.push({
      name: 'ping_jitter_ms',
      value: meanOf(rtts.slice(1).map((rtt, i) => Math.abs(rtt - rtts[i]!))),
    });
  return samples;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function evidenceOf(rtts: readonly number[], sent: number, cause: { evidence: string } | undefined): string {
  const counts = `${rtts.length} of ${sent} packets answered`;
  const times = rtts.length === 0 ? '' : `, rtt ${round(Math.min(...rtts))}..${round(Math.max(...rtts))}ms`;
  return counts + times + (cause === undefined ? '' : `; ${cause.evidence}`);
}

function round(ms: number): string {
  return ms.toFixed(ms < 10 ? 3 : 1);
}
