import type { Logger } from '../lib/index.js';
import type { Entry } from './entry.js';
import type { TargetGroup } from './target-group.js';

/** Makes the agent open a socket of its own host. */
const LOCAL = '__unix_socket__';

/** Takes off discovered targets what only the configuration may say of them: static targets, and rules that relabel. Says so once per entry of an owner. */
export class LocalLabels {
  readonly #log: Logger;
  readonly #told = new Set<string>();
  /** By the group as it was discovered: one that does not change stays the same object. */
  readonly #cleaned = new WeakMap<TargetGroup, TargetGroup>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** The groups of an entry, without such labels. */
  off(owner: string, entry: Entry): readonly TargetGroup[] {
    if (!entry.groups.some(isLocal)) return entry.groups;
    this.#tell(owner, entry.status().what);
    return entry.groups.map((group) => (isLocal(group) ? this.#clean(group) : group));
  }

  /** Says everything again from now on. */
  forget(): void {
    this.#told.clear();
  }

  #tell(owner: string, what: string): void {
    const key = `${owner}\n${what}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#log.warn(
      { owner, what },
      `the label ${LOCAL} of discovered targets is ignored: what is discovered may not choose a socket of this host; set it in static_configs or by a rule of relabel_configs`,
    );
  }

  #clean(group: TargetGroup): TargetGroup {
    let clean = this.#cleaned.get(group);
    if (clean === undefined) {
      clean = { ...group, labels: without(group.labels), targets: group.targets.map(without) };
      this.#cleaned.set(group, clean);
    }
    return clean;
  }
}

function isLocal({ labels, targets }: TargetGroup): boolean {
  return LOCAL in labels || targets.some((target) => LOCAL in target);
}

function without({ [LOCAL]: _, ...labels }: Readonly<Record<string, string>>): Record<string, string> {
  return labels;
}
