import { join } from 'node:path';

/** What stands around an agent whose configuration is edited. */
interface Surroundings {
  /** Where tasks write their ledgers. */
  folder: string;
  plugins: string;
  /** Two ports that the agent listens on in turn. */
  ports: readonly number[];
  /** URLs of two receivers: the first is always configured. */
  kept: string;
  flaky: string;
}

interface EditedTask {
  intervalMs: number;
  labels: Record<string, string>;
  timeout: boolean;
}

/** A configuration under random edits, the same for the same seed. */
export class Edits {
  /** Tasks that no edit touches. */
  static readonly UNTOUCHED = ['steady-1', 'steady-2', 'steady-3'] as const;

  readonly #around: Surroundings;
  readonly #tasks = new Map<string, EditedTask>();
  #random: number;
  #nextTask = 1;
  #port = 0;
  #region = '';
  #external: Record<string, string> = {};
  #flushMs = 200;
  #batchSize = 500;
  #keptTimeout = '5s';
  #hasFlaky = true;
  #level = 'info';
  #commitInterval = '2s';
  #selfInterval = '0s';
  #synchronous = 'normal';

  constructor(seed: number, around: Surroundings) {
    this.#random = seed;
    this.#around = around;
    for (let i = 0; i < 12; i++) this.#addTask();
  }

  /** Where the agent listens. */
  get url(): string {
    return `http://127.0.0.1:${this.#around.ports[this.#port]}`;
  }

  /** Whether something happens that does so with this probability. */
  chance(probability: number): boolean {
    return this.#draw(1e6) < probability * 1e6;
  }

  /** Changes one thing, or a few. */
  edit(): void {
    do this.#kinds[this.#draw(this.#kinds.length)]!();
    while (this.chance(0.4));
  }

  /** Configures all that is needed to end well. */
  settle(): void {
    this.#hasFlaky = true;
    this.#level = 'info';
  }

  /** The configuration as YAML. */
  text(): string {
    const tasks = [...this.#tasks].map(([id, task]) => this.#taskText(id, task));
    const { plugins, ports, kept, flaky } = this.#around;
    return `
sentinel: {name: reloads, region: "${this.#region}", self_metrics_interval: ${this.#selfInterval}}
global: {external_labels: ${JSON.stringify(this.#external)}}
http: {listen: "127.0.0.1:${ports[this.#port]}"}
logging: {output: stdout, format: json, level: ${this.#level}}
plugins: {directories: [${plugins}]}
buffer: {commit_interval: ${this.#commitInterval}, synchronous: ${this.#synchronous}}
sender:
  flush_interval: ${this.#flushMs}ms
  batch_size: ${this.#batchSize}
  min_backoff: 100ms
  max_backoff: 1s
  direct:
    kept: {url: "${kept}", remote_timeout: ${this.#keptTimeout}}
    flaky: {url: "${flaky}", enabled: ${this.#hasFlaky}}
tasks:
${[...this.#steady(), ...tasks].join('\n')}
`;
  }

  /** Always the same: the tasks that no edit touches, to the receiver that is always there. What an agent holds under it may be compared. */
  calm(): string {
    const { plugins, kept } = this.#around;
    return `
sentinel: {name: reloads, self_metrics_interval: 0s}
http: {listen: "127.0.0.1:${this.#around.ports[this.#port]}"}
logging: {output: stdout, format: json, level: info}
plugins: {directories: [${plugins}]}
sender: {direct: {kept: {url: "${kept}"}}}
tasks:
${this.#steady().join('\n')}
`;
  }

  /** The configuration with something wrong in it. */
  spoilt(): string {
    const spoil = [
      (text: string) => `${text}\nbufer: {}\n`,
      (text: string) =>
        text.replace('commit_interval: 2s', 'commit_interval: soon').replace('sender:', 'sender: ['),
      (text: string) => `${text}  - {id: steady-1, plugin: numbered, interval: 1s, config: {ledger: /x}}\n`,
      (text: string) => `${text}  - {id: other, plugin: unknown, interval: 1s}\n`,
      (text: string) => text.replace('sentinel: {', 'sentinel: {data_dir: /elsewhere, '),
      (text: string) => text.slice(0, text.length / 2).replace(/\n[^\n]*$/, '\n  "'),
    ];
    return spoil[this.#draw(spoil.length)]!(this.text());
  }

  readonly #kinds: readonly (() => void)[] = [
    () => this.#addTask(),
    () => this.#removeTask(),
    () =>
      this.#changeTask((task) => {
        task.intervalMs = 150 + this.#draw(350);
      }),
    () =>
      this.#changeTask((task) => {
        task.labels = { edited: String(this.#draw(5)) };
      }),
    () =>
      this.#changeTask((task) => {
        task.timeout = !task.timeout;
      }),
    () => {
      this.#region = `r${this.#draw(3)}`;
    },
    () => {
      this.#external = { fleet: String(this.#draw(3)) };
    },
    () => {
      this.#flushMs = 100 + 50 * this.#draw(6);
    },
    () => {
      this.#batchSize = 200 + 100 * this.#draw(4);
    },
    () => {
      this.#keptTimeout = `${3 + this.#draw(4)}s`;
    },
    () => {
      this.#hasFlaky = !this.#hasFlaky;
    },
    () => {
      this.#port = 1 - this.#port;
    },
    () => {
      this.#level = this.#level === 'info' ? 'debug' : 'info';
    },
    () => {
      this.#commitInterval = `${1 + this.#draw(3)}s`;
    },
    () => {
      this.#synchronous = this.#synchronous === 'normal' ? 'full' : 'normal';
    },
    () => {
      this.#selfInterval = this.#selfInterval === '0s' ? '1s' : '0s';
    },
  ];

  #steady(): string[] {
    return Edits.UNTOUCHED.map((id) => this.#taskText(id, { intervalMs: 500, labels: {}, timeout: false }));
  }

  #addTask(): void {
    this.#tasks.set(`task-${this.#nextTask++}`, {
      intervalMs: 150 + this.#draw(350),
      labels: {},
      timeout: false,
    });
  }

  #removeTask(): void {
    const id = this.#anyTask();
    if (this.#tasks.size > 6) this.#tasks.delete(id);
  }

  #changeTask(change: (task: EditedTask) => void): void {
    change(this.#tasks.get(this.#anyTask())!);
  }

  #anyTask(): string {
    return [...this.#tasks.keys()][this.#draw(this.#tasks.size)]!;
  }

  #taskText(id: string, { intervalMs, labels, timeout }: EditedTask): string {
    const more = timeout ? `, timeout: ${intervalMs - 50}ms` : '';
    const ledger = join(this.#around.folder, `${id}.ledger`);
    return `  - {id: ${id}, plugin: numbered, interval: ${intervalMs}ms${more}, labels: ${JSON.stringify(labels)}, config: {ledger: "${ledger}"}}`;
  }

  /** An integer from 0 to below `limit` (a linear congruential generator, as of Numerical Recipes). */
  #draw(limit: number): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * limit);
  }
}
