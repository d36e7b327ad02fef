import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  type Clock,
  errorLine,
  formatSize,
  type Logger,
  SentinelError,
  type TimeSlice,
} from '../lib/index.js';
import type { FileDiscovery } from './discovery-config.js';
import { FolderWatch } from './folder-watch.js';
import { parseJson } from './json-list.js';
import type { Answer, Source } from './source.js';
import type { TargetGroup } from './target-group.js';
import { MAX_LIST_BYTES, TargetList } from './target-list.js';
import { matchesWildcard } from './wildcard.js';
import { parseYaml } from './yaml.js';

/** Files of one entry at most. */
const MAX_FILES = 10_000;

/** What a file source works with. */
export interface FileSourceOptions {
  clock: Clock;
  log: Logger;
  /** Something changed in a folder of the files. */
  onEvent: () => void;
}

/** Reads lists of target groups from files, when something changes in their folders and at each refresh. Each file is a part: a broken one keeps its groups, one that is gone loses them. */
export class FileSource implements Source {
  readonly #patterns: readonly string[];
  readonly #watch: FolderWatch;
  readonly #lists = new Map<string, TargetList>();
  /** Last files of each pattern, for when its folder cannot be read. */
  readonly #matches = new Map<string, readonly string[]>();

  constructor({ files }: FileDiscovery, options: FileSourceOptions) {
    this.#patterns = files;
    this.#watch = new FolderWatch(
      files.map((file) => dirname(file)),
      options,
    );
  }

  async read(): Promise<Answer> {
    // Before the files are read: what changes from here on is told.
    await this.#watch.refresh();
    const answer = new Map<string, readonly TargetGroup[] | SentinelError>();
    const paths = new Set<string>();
    for (const pattern of this.#patterns)
      for (const path of await this.#expand(pattern, answer)) paths.add(path);
    if (paths.size > MAX_FILES)
      throw new SentinelError('SEN_LIMIT', `${paths.size} files match; at most ${MAX_FILES} are read`);
    for (const path of paths) {
      const outcome = await this.#read(path);
      if (outcome !== undefined) answer.set(path, outcome);
    }
    for (const path of this.#lists.keys()) if (!answer.has(path)) this.#lists.delete(path);
    return answer;
  }

  close(): void {
    this.#watch.close();
  }

  /** The files of a pattern; where its folder cannot be read, those of the last time, and the error in `answer`. */
  async #expand(
    pattern: string,
    answer: Map<string, SentinelError | readonly TargetGroup[]>,
  ): Promise<readonly string[]> {
    const wildcard = basename(pattern);
    if (!/[*?]/.test(wildcard)) return [pattern];
    const folder = dirname(pattern);
    try {
      const names = (await readdir(folder)).filter((name) => matchesWildcard(name, wildcard)).sort();
      this.#matches.set(
        pattern,
        names.map((name) => join(folder, name)),
      );
    } catch (error) {
      if (isAbsent(error)) this.#matches.delete(pattern);
      else answer.set(pattern, cannotRead(folder, error));
    }
    return this.#matches.get(pattern) ?? [];
  }

  /** The groups of a file, or why there are none; `undefined` when there is no such file. */
  async #read(path: string): Promise<readonly TargetGroup[] | SentinelError | undefined> {
    try {
      const body = await readWhole(path);
      let list = this.#lists.get(path);
      if (list === undefined) {
        list = new TargetList({ source: path, label: { __meta_filepath: path } });
        this.#lists.set(path, list);
      }
      return await list.read(body, /\.json$/i.test(path) ? parseJson : parseYamlBytes);
    } catch (error) {
      return isAbsent(error) ? undefined : cannotRead(path, error);
    }
  }
}

/** The bytes of a regular file: a FIFO would wait for a writer, a device may act when it is opened. */
async function readWhole(path: string): Promise<Buffer> {
  if (!(await stat(path)).isFile()) throw new SentinelError('SEN_DISCOVERY', 'this is not a regular file');
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    // A file may grow while it is read, and those of /proc have no length.
    for await (const chunk of file.createReadStream({ autoClose: false, end: MAX_LIST_BYTES })) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
    }
    if (length > MAX_LIST_BYTES)
      throw new SentinelError('SEN_LIMIT', `it is longer than ${formatSize(MAX_LIST_BYTES)}`);
    return Buffer.concat(chunks, length);
  } finally {
    await file.close();
  }
}

const parseYamlBytes = (body: Buffer, slice: TimeSlice) => parseYaml(body.toString('utf8'), slice);

const isAbsent = (error: unknown) =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

function cannotRead(path: string, error: unknown): SentinelError {
  const code = error instanceof SentinelError ? error.code : 'SEN_DISCOVERY';
  const cause =
    error instanceof SentinelError
      ? error.message
      : ((error as NodeJS.ErrnoException).code ?? errorLine(error));
  return new SentinelError(code, `cannot read "${path}": ${cause}`);
}
