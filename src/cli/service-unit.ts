import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PROGRAM_DIRECTORY } from '../lib/index.js';
import type { ServicePlace } from './service-place.js';

/** The command of the shipped units, whose paths are put right. */
const SHIPPED_COMMAND = '/usr/bin/node /opt/sentinel/sentinel.js ';

/** The unit file of a service: the one of config/systemd with this host's paths. */
export function unitText({ unitFile, node, program }: ServicePlace): string {
  const shipped = readFileSync(join(PROGRAM_DIRECTORY, 'systemd', unitFile), 'utf8');
  return shipped.replace(SHIPPED_COMMAND, () => `${word(node)} ${word(join(program, 'sentinel.js'))} `);
}

/** A word of ExecStart (systemd.service(5), "Command lines"). */
function word(text: string): string {
  const escaped = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s"'\\;]/.test(text) ? `"${escaped.replace(/["\\]/g, '\\$&')}"` : escaped;
}

/** The declaration of the service's user (sysusers.d(5)). */
export const USER_TEXT = 'u sentinel - "Sentinel agent" /var/lib/sentinel\n';

/** What a host without a configuration starts with: it runs as it is, and shows where to go on. */
export function firstConfig(place: ServicePlace): string {
  const program = `${place.node} ${join(place.program, 'sentinel.js')}`;
  return `# The configuration of ${place.unit}. After a change:
#   ${program} check -c ${place.configFile} && systemctl reload ${place.unit}
${ownPlace(place)}tasks:
  - {id: ping-self, device_id: localhost, plugin: ping, interval: 60s, config: {host: 127.0.0.1}}

# Where samples go. A VictoriaMetrics, or a Prometheus with --web.enable-remote-write-receiver (http://HOST:9090/api/v1/write).
# sender:
#   direct:
#     victoria_metrics: {url: "http://HOST:8428/api/v1/write"}
`;
}

/** Several agents on a host need a name and an address each. */
function ownPlace({ instance, folder }: ServicePlace): string {
  if (instance === undefined) return '';
  return `sentinel: {name: ${JSON.stringify(`${hostname()}-${instance}`)}}
http: {listen: "unix:/run/${folder}/http.sock"}
`;
}
