/** A page as node_exporter writes it, of about `bytes` bytes: families with HELP and TYPE, few labels, counters, byte counts and fractions. `tick` moves the values. */
export function nodePage(bytes: number, tick = 0): Buffer {
  const parts: string[] = [];
  let size = 0;
  for (let family = 0; size < bytes; family++) {
    const name = `node_${SUBJECTS[family % SUBJECTS.length]}_${family}_${UNITS[family % UNITS.length]}`;
    let text = `# HELP ${name} A sentence about what this family number ${family} counts.\n# TYPE ${name} ${family % 3 === 0 ? 'gauge' : 'counter'}\n`;
    for (let i = 0; i < 40; i++) text += `${name}${labels(family, i)} ${value(family, i, tick)}\n`;
    parts.push(text);
    size += text.length;
  }
  return Buffer.from(parts.join(''));
}

const SUBJECTS = [
  'cpu_seconds',
  'network_receive',
  'filesystem_avail',
  'disk_io_time',
  'memory',
  'netstat_Tcp',
  'systemd_unit',
];
const UNITS = ['total', 'bytes', 'bytes_total', 'seconds_total', 'ratio', 'info'];

function labels(family: number, i: number): string {
  if (family % 5 === 0)
    return `{cpu="${i % 64}",mode="${['idle', 'user', 'system', 'iowait'][i % 4]}",set="${i >> 2}"}`;
  if (family % 5 === 1) return `{device="eth${i}"}`;
  if (family % 5 === 2)
    return `{device="/dev/mapper/vg0-lv${i}",fstype="ext4",mountpoint="/srv/data/volume-${i}"}`;
  if (family % 5 === 3) return `{name="unit-${i}.service",state="active",type="simple"}`;
  return i === 0 ? '' : `{chip="platform_coretemp_0",sensor="temp${i}"}`;
}

function value(family: number, i: number, tick: number): string {
  const n = family * 1009 + i * 31 + tick;
  if (n % 10 < 4) return String(n % 7 === 0 ? 0 : n);
  if (n % 10 < 6) return `${(n / 1000).toFixed(2)}`;
  if (n % 10 < 8) return `${(1.3 + (n % 7919) / 7919).toFixed(8)}e+09`;
  return String((n % 100003) / 100003);
}
