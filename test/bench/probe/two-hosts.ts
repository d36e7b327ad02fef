import { execFileSync } from 'node:child_process';

/** Runs `ip`; throws what it says. */
export const ip = (...args: readonly string[]) => execFileSync('ip', args);

/** Two network namespaces, near (10.78.0.1) and far (10.78.0.2), joined by a veth pair. The kernel of the far one answers no ping. Needs root. */
export class TwoHosts {
  readonly near = `sentinel-near-${process.pid}`;
  readonly far = `sentinel-far-${process.pid}`;

  constructor() {
    for (const name of [this.near, this.far]) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    ip('-n', this.near, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', this.far);
    for (const [name, link, address] of [
      [this.near, 'v0', '10.78.0.1/24'],
      [this.far, 'v1', '10.78.0.2/24'],
    ] as const) {
      ip('-n', name, 'address', 'add', address, 'dev', link);
      ip('-n', name, 'link', 'set', link, 'up');
    }
    ip('netns', 'exec', this.far, 'sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_all=1');
  }

  /** Deletes both. */
  close(): void {
    for (const name of [this.near, this.far]) ip('netns', 'del', name);
  }
}
