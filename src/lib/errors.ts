/** Every error Sentinel raises on purpose. `npm run docs` prints this table; a test keeps the two equal. */
export const ERRORS = {
  SEN_CONFIG_INVALID: { retry: false, help: 'Fix the named keys and run `sentinel check -c FILE`.' },
  SEN_READER: {
    retry: true,
    help: 'Look at the memory and load of the host, and run `sentinel check -c FILE`.',
  },
  SEN_USAGE: { retry: false, help: 'Run the command with `--help`.' },
  SEN_PLUGIN_INVALID: { retry: false, help: 'Run `sentinel plugins test DIR` and fix what it names.' },
  SEN_PLUGIN_UNKNOWN: { retry: false, help: 'Run `sentinel plugins` to see the known ones.' },
  SEN_EXPOSITION_INVALID: { retry: true, help: 'Open the page with curl and look at the named line.' },
  SEN_RESOLVE: { retry: true, help: 'Check the name, /etc/hosts and the name servers in /etc/resolv.conf.' },
  SEN_NET: { retry: true, help: 'Check the address, the port and the path to the host.' },
  SEN_TLS: { retry: true, help: 'Check the certificate, its names and dates, and `tls_config`.' },
  SEN_DISCOVERY: {
    retry: true,
    help: 'Look at what the named file or server gives: a list of target groups; the last good targets stay until then.',
  },
  SEN_LIMIT: { retry: true, help: 'Raise the limit that the message names, or make the answer smaller.' },
  SEN_BUFFER: { retry: true, help: 'Check space and permissions of `sentinel.data_dir`.' },
  SEN_LOCKED: { retry: false, help: 'Stop the other agent, or give this one its own `sentinel.data_dir`.' },
  SEN_BUILD: {
    retry: false,
    help: 'Run it with the Node that it was built for, or build it with this one: `node bin/build.mjs` in a checkout, then copy dist/.',
  },
  SEN_SERVICE: {
    retry: false,
    help: 'Look at what the step said, and at `journalctl -u sentinel`; run the command again, it goes on where it stopped.',
  },
  SEN_BUG: { retry: false, help: 'Please report this with the log around it.' },
} as const;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof ERRORS;

/** The one error class; `code` decides what is done about it, never the text. */
export class SentinelError extends Error {
  readonly code: ErrorCode;
  /** Whether doing the same thing again later may work. */
  readonly retry: boolean;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SentinelError';
    this.code = code;
    this.retry = ERRORS[code].retry;
  }
}

/** Asserts something only a bug in Sentinel can break. Throws SEN_BUG. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new SentinelError('SEN_BUG', `BUG: ${message}`);
}

/** The whole chain of causes on one line: 'cannot open buffer "/x": cannot read header: EIO'. */
export function errorLine(error: unknown): string {
  const parts: string[] = [];
  for (let e = error; e !== undefined && parts.length < 8; e = e instanceof Error ? e.cause : undefined) {
    parts.push(e instanceof Error ? e.message || ((e as NodeJS.ErrnoException).code ?? e.name) : String(e));
  }
  return parts.join(': ');
}
