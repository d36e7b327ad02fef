/** The environment that values are taken from. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its variables put in. */
export interface Expansion {
  text: string;
  /** Variables that it was made of. */
  names: string[];
  /** Those whose own value was put in; the others gave their default, which stands in the file. */
  taken: string[];
  /** It consists of variables alone, so that its type is not known yet. */
  whole: boolean;
  /** What is wrong: a variable that is missing, a `${` that names none. Never holds the text. */
  faults: string[];
}

const TOKEN = /\$\$(?=\{)|\$\{[^{}]*\}|%\{[A-Za-z_][A-Za-z0-9_]*\}|\$\{/g;
const PERCENT_TOKEN = /%\{[A-Za-z_][A-Za-z0-9_]*\}/g;
/** The remedy where no variable was meant. */
const LITERAL = '; for the text itself write $${ in place of ${';

const REFERENCE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/** Puts variables into a text: `${NAME}`, `${NAME:-default}` (also for an empty variable), `%{NAME}`; `$${` stands for `${`. */
export function expand(written: string, env: Environment): Expansion {
  return expandTokens(written, env, TOKEN);
}

/** The same in a relabelling rule, where a `$` belongs to the rule: only `%{NAME}`. */
export function expandInRule(written: string, env: Environment): Expansion {
  return expandTokens(written, env, PERCENT_TOKEN);
}

function expandTokens(written: string, env: Environment, tokens: RegExp): Expansion {
  const names: string[] = [];
  const taken: string[] = [];
  const faults: string[] = [];
  const text = written.replace(tokens, (token) => {
    if (token === '$$') return '$';
    const [, name, fallback] = REFERENCE.exec(token.slice(2, -1)) ?? [];
    if (name === undefined) {
      if (!faults.includes(badReference)) faults.push(badReference);
      return '';
    }
    names.push(name);
    const value = env[name];
    if (fallback !== undefined && (value === undefined || value === '')) return fallback;
    taken.push(name);
    if (value === undefined)
      faults.push(
        `the environment variable ${name} is not set, and it has no default${token.startsWith('$') ? LITERAL : ''}`,
      );
    return value ?? '';
  });
  return { text, names, taken, faults, whole: names.length > 0 && written.replace(tokens, '') === '' };
}

const badReference =
  'expected ${NAME} or ${NAME:-default} with a plain default; for the text itself write $${ in place of ${';

const LABEL_TOKEN =
  /\$\$|\$\{([^{}]*)\}|\$([A-Za-z_][A-Za-z0-9_]*|[*#@!?0-9-])|%\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** The same as Prometheus does it for `external_labels` (Go's os.Expand): also `$NAME`, `$$` stands for `$`, and a missing variable is empty. Gives the missing ones in `missing`. */
export function expandLabel(written: string, env: Environment): Expansion & { missing: string[] } {
  const names: string[] = [];
  const taken: string[] = [];
  const missing: string[] = [];
  const text = written.replace(
    LABEL_TOKEN,
    (token, inBraces: string | undefined, bare: string | undefined, percent: string | undefined) => {
      if (token === '$$') return '$';
      const [, inner, fallback] = REFERENCE.exec(inBraces ?? '') ?? [];
      const name = inner ?? bare ?? percent ?? inBraces ?? '';
      const value = env[name] ?? '';
      names.push(name);
      if (value !== '') taken.push(name);
      if (value === '' && fallback === undefined) missing.push(name);
      return value === '' ? (fallback ?? '') : value;
    },
  );
  return { text, names, taken, missing, whole: false, faults: [] };
}
