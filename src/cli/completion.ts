import type { Command, Option } from 'commander';
import { loadPlugins, type PluginCatalog } from '../probe/index.js';
import { EXIT } from './exit.js';
import { flagsOf } from './plugin-flags.js';
import { print } from './terminal.js';

interface Word {
  word: string;
  about: string;
}

/** What may come behind some words: `[]`, `['trigger']`, `['trigger', 'ping']`. */
interface Place {
  path: readonly string[];
  words: readonly Word[];
  options: readonly Option[];
}

/** `sentinel completion SHELL`: prints a script made of the tree of commands and the built-in plugins. */
export async function completion(shell: 'bash' | 'zsh' | 'fish', program: Command): Promise<number> {
  const places = placesOf(program, await loadPlugins([]));
  if (shell === 'fish') print(fishScript(places));
  else
    print(
      shell === 'bash'
        ? bashScript(places)
        : `autoload -U +X bashcompinit && bashcompinit\n${bashScript(places)}`,
    );
  return EXIT.ok;
}

function placesOf(program: Command, { plugins }: PluginCatalog): Place[] {
  const names = [...plugins.values()].map(({ definition }) => ({
    word: definition.name,
    about: definition.description,
  }));
  const places = commandPlaces(program, []).map((place) =>
    ['trigger', 'plugins'].includes(place.path.join(' '))
      ? { ...place, words: [...place.words, ...names] }
      : place,
  );
  const common = places.find(({ path }) => path.join(' ') === 'trigger')?.options ?? [];
  const triggers = [...plugins.values()].map(({ definition }) => ({
    path: ['trigger', definition.name],
    words: [],
    options: [...flagsOf(definition).flatMap(({ options }) => options), ...common],
  }));
  return [...places, ...triggers];
}

function commandPlaces(command: Command, path: readonly string[]): Place[] {
  const visible = command.createHelp().visibleCommands(command);
  const commands = command.commands.filter((child) => visible.includes(child));
  const words = [
    ...commands.map((child) => ({ word: child.name(), about: child.description() })),
    ...command.registeredArguments.flatMap(({ argChoices = [] }) =>
      argChoices.map((word) => ({ word, about: '' })),
    ),
  ];
  const inner = commands.flatMap((child) => commandPlaces(child, [...path, child.name()]));
  return [{ path, words, options: command.options }, ...inner];
}

function bashScript(places: readonly Place[]): string {
  const cases = places.map(({ path, words, options }) => {
    const flags = options.flatMap(({ short, long }) => [short, long]);
    const all = [...words.map(({ word }) => word), ...flags].filter((word) => word !== undefined);
    return `    '${path.join(' ')}') words='${[...new Set(all)].join(' ')}' ;;`;
  });
  return `# Completion of sentinel; with "-o default", file names where no word fits.
_sentinel_words() {
  local words=
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
  printf '%s' "$words"
}
_sentinel() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -le 1 ]; then
    words=$(_sentinel_words '')
  elif [ "$COMP_CWORD" -eq 2 ] || ! words=$(_sentinel_words "\${COMP_WORDS[1]} \${COMP_WORDS[2]}"); then
    words=$(_sentinel_words "\${COMP_WORDS[1]}")
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sentinel sentinel`;
}

function fishScript(places: readonly Place[]): string {
  return places.flatMap(fishLines).join('\n');
}

function fishLines({ path, words, options }: Place): string[] {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  const when = `-n ${fishQuote(path.length === 0 ? '__fish_use_subcommand' : seen)}`;
  return [
    ...words.map(
      ({ word, about }) => `complete -c sentinel ${when} -a ${fishQuote(word)} -d ${fishQuote(about)}`,
    ),
    ...options.map(({ short, long, required, description }) => {
      const letter = short === undefined ? '' : ` -s ${short.slice(1)}`;
      const value = required ? ' -r' : '';
      return `complete -c sentinel ${when}${letter} -l ${long?.slice(2)}${value} -d ${fishQuote(description)}`;
    }),
  ];
}

function fishQuote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
