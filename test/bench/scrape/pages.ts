/** A page like node_exporter's: `series` lines, families of five with HELP and TYPE. `round` changes the values. */
export function pageOf(series: number, round: number): Buffer {
  let text = '';
  for (let i = 0; i < series; i++) {
    const family = FAMILIES[Math.floor(i / 5) % FAMILIES.length]!;
    const name =
      i < FAMILIES.length * 5 ? family.name : `${family.name}_${Math.floor(i / 5 / FAMILIES.length)}`;
    if (i % 5 === 0) text += `# HELP ${name} ${family.help}\n# TYPE ${name} ${family.type}\n`;
    text += `${name}{${family.labels(i)}} ${family.value(i, round)}\n`;
  }
  return Buffer.from(text);
}

const FAMILIES = [
  {
    name: 'node_cpu_seconds_total',
    help: 'Seconds the CPUs spent in each mode.',
    type: 'counter',
    labels: (i: number) => `cpu="${i >> 3}",mode="mode${i % 8}"`,
    value: (i: number, round: number) => (i * 1000.13 + round * 9.97).toFixed(2),
  },
  {
    name: 'node_filesystem_avail_bytes',
    help: 'Filesystem space available to non-root users in bytes.',
    type: 'gauge',
    labels: (i: number) => `device="/dev/mapper/vg-lv${i}",fstype="ext4",mountpoint="/srv/volume${i}"`,
    value: (i: number, round: number) => (1e9 * i + round * 4096).toExponential(6).replace('e+', 'e+0'),
  },
  {
    name: 'node_network_receive_bytes_total',
    help: 'Network device statistic receive_bytes.',
    type: 'counter',
    labels: (i: number) => `device="eth${i}"`,
    value: (i: number, round: number) => String(1_000_000 * i + round * 12_345),
  },
  {
    name: 'node_systemd_unit_state',
    help: 'Systemd unit.',
    type: 'gauge',
    labels: (i: number) => `name="unit-${i}.service",state="active",type="simple"`,
    value: (i: number) => String(i % 2),
  },
  {
    name: 'node_memory_info_bytes',
    help: 'Memory information field.',
    type: 'gauge',
    labels: (i: number) => `field="Field_${i}"`,
    value: (i: number, round: number) => String(i * 65_536 + round),
  },
];
