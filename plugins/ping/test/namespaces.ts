import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Step, StepResult } from './run-ping.js';

const RUN_PING = fileURLToPath(new URL('./run-ping.js', import.meta.url));
const RESPONDER = fileURLToPath(new URL('./responder.js', import.meta.url));

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Why namespaces cannot be made here, or false. */
export function noNamespaces(): string | false {
  const name = `sentinel-try-${randomBytes(4).toString('hex')}`;
  try {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'add', 'x0', 'type', 'veth', 'peer', 'name', 'x1');
    return false;
  } catch {
    return 'network namespaces are not allowed here (needs root and iproute2)';
  } finally {
    try {
      ip('netns', 'del', name);
    } catch {
      // It was not made.
    }
  }
}

/**
 * near 10.77.1.1 -- 10.77.1.2 router 10.77.2.2 -- 10.77.2.1 far, and the same in fd77:1::, fd77:2::. The link to far has an MTU of 1400.
 * near has 10.77.1.3 and fd77:1::3, too, to which router has no way.
 */
export class Namespaces {
  readonly #prefix = `sentinel-${randomBytes(4).toString('hex')}`;
  readonly near = `${this.#prefix}-near`;
  readonly router = `${this.#prefix}-router`;
  readonly far = `${this.#prefix}-far`;
  readonly #children = new Set<ChildProcess>();

  /** Makes them; `close` takes them away, also after half a failure. */
  open(): void {
    for (const name of [this.near, this.router, this.far]) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    this.#link([this.near, 'n0'], [this.router, 'r1'], 1500);
    this.#link([this.router, 'r2'], [this.far, 'f0'], 1400);
    this.#addresses(this.near, 'n0', '10.77.1.3/24', 'fd77:1::3/64', '10.77.1.1/24', 'fd77:1::1/64');
    this.#addresses(this.router, 'r1', '10.77.1.2/24', 'fd77:1::2/64');
    this.#addresses(this.router, 'r2', '10.77.2.2/24', 'fd77:2::2/64');
    this.#addresses(this.far, 'f0', '10.77.2.1/24', 'fd77:2::1/64');
    for (const key of [
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
      'net.ipv4.icmp_ratemask=0',
      'net.ipv6.icmp.ratelimit=0',
    ])
      this.exec(this.router, 'sysctl', '-qw', key);
    ip('-n', this.near, 'route', 'add', 'default', 'via', '10.77.1.2', 'src', '10.77.1.1');
    ip('-n', this.near, '-6', 'route', 'add', 'default', 'via', 'fd77:1::2', 'src', 'fd77:1::1');
    ip('-n', this.near, 'route', 'change', '10.77.1.0/24', 'dev', 'n0', 'src', '10.77.1.1');
    ip('-n', this.near, '-6', 'route', 'add', 'fd77:1::2/128', 'dev', 'n0', 'src', 'fd77:1::1');
    ip('-n', this.far, 'route', 'add', 'default', 'via', '10.77.2.2');
    ip('-n', this.far, '-6', 'route', 'add', 'default', 'via', 'fd77:2::2');
    ip('-n', this.router, 'route', 'add', 'blackhole', '10.77.1.3/32');
    ip('-n', this.router, '-6', 'route', 'add', 'blackhole', 'fd77:1::3/128');
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const name of [this.near, this.router, this.far]) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not made.
      }
    }
  }

  /** The output of a command in a namespace. */
  exec(name: string, ...command: string[]): string {
    return execFileSync('ip', ['netns', 'exec', name, ...command], { encoding: 'utf8' });
  }

  /** Runs the plugin in a process in `near`; `node` are flags before the script, `wrap` a command around it. */
  async ping(steps: Step[], more: { node?: string[]; wrap?: string[] } = {}): Promise<StepResult[]> {
    const command = [
      ...(more.wrap ?? []),
      process.execPath,
      ...(more.node ?? []),
      RUN_PING,
      JSON.stringify(steps),
    ];
    const { stdout } = await promisify(execFile)('ip', ['netns', 'exec', this.near, ...command], {
      timeout: 30_000,
    });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as StepResult);
  }

  /** Starts a responder in `router`, where the kernel answers no more; gives what stops it. */
  async respond(
    delayMs: number,
    way: 'right' | 'foreign' | 'twice' = 'right',
    family: 4 | 6 = 4,
  ): Promise<() => Promise<void>> {
    this.#ignoreEchoes('1');
    const command = [process.execPath, RESPONDER, String(delayMs), way, String(family)];
    const child = spawn('ip', ['netns', 'exec', this.router, ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#children.add(child);
    await once(child.stdout, 'data');
    return async () => {
      child.stdin.end();
      await once(child, 'close');
      this.#children.delete(child);
      this.#ignoreEchoes('0');
    };
  }

  #ignoreEchoes(value: '0' | '1'): void {
    for (const key of ['net.ipv4.icmp_echo_ignore_all', 'net.ipv6.icmp.echo_ignore_all'])
      this.exec(this.router, 'sysctl', '-qw', `${key}=${value}`);
  }

  #link([a, nameA]: [string, string], [b, nameB]: [string, string], mtu: number): void {
    ip(
      'link',
      'add',
      nameA,
      'mtu',
      String(mtu),
      'netns',
      a,
      'type',
      'veth',
      'peer',
      'name',
      nameB,
      'mtu',
      String(mtu),
      'netns',
      b,
    );
    ip('-n', a, 'link', 'set', nameA, 'up');
    ip('-n', b, 'link', 'set', nameB, 'up');
  }

  #addresses(name: string, device: string, ...addresses: string[]): void {
    for (const address of addresses)
      ip('-n', name, 'addr', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : []));
  }
}
