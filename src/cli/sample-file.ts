/**
 * A plugin's sample.yaml: a config that runs as it is, with every other option as a comment that can be put in by taking its `# ` away.
 *
 *   ## What the option is.
 *   # count: 4
 */
export interface SampleFile {
  /** As it is. */
  text: string;
  /** The commented options, by key, as they would be written. */
  commented: ReadonlyMap<string, string>;
}

const OPTION = /^# ([a-z][a-z0-9_]*):(?:\s|$)/;
const MORE_OF_IT = /^# (?: |-)/;

/** Finds the commented options of a sample. */
export function parseSample(text: string): SampleFile {
  const commented = new Map<string, string>();
  let key: string | undefined;
  for (const line of text.split('\n')) {
    const start = OPTION.exec(line)?.[1];
    if (start === undefined && !(key !== undefined && MORE_OF_IT.test(line))) {
      key = undefined;
      continue;
    }
    key = start ?? key;
    commented.set(key!, `${commented.get(key!) ?? ''}${line.slice(2)}\n`);
  }
  return { text, commented };
}
