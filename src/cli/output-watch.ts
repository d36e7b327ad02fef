import { pathToFileURL } from 'node:url';

type Write = typeof process.stdout.write;

/**
 * Looks at every write to standard output and error until `stop`, which gives those that code below `directory` made (`console` writes there too). They
 * go on as they are: in tests, the runner speaks on the same stream.
 */
export function watchOutput(directory: string): { stop(): string[] } {
  const folder = pathToFileURL(`${directory}/`).href;
  const seen = new Set<string>();
  const streams = [process.stdout, process.stderr];
  const writes = streams.map((stream) => stream.write);
  for (const [i, stream] of streams.entries()) {
    const write = writes[i]!;
    const watched = (...args: Parameters<Write>): boolean => {
      if (calledFrom(folder))
        seen.add(`wrote to ${i === 0 ? 'stdout' : 'stderr'}: ${String(args[0]).trim().slice(0, 80)}`);
      return write.apply(stream, args);
    };
    stream.write = watched as Write;
  }
  const stop = () => {
    for (const [i, stream] of streams.entries()) stream.write = writes[i]!;
    return [...seen].map((text) => `${text} (use host.log)`);
  };
  return { stop };
}

/** Whether a function of a file below `folder` (a file: URL) is on the stack; by the files that run, not by what source maps call them. */
function calledFrom(folder: string): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 100;
    Error.prepareStackTrace = (_error, sites) => sites;
    const sites = new Error().stack as unknown as NodeJS.CallSite[];
    return sites.some((site) => site.getFileName()?.startsWith(folder) === true);
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
}
