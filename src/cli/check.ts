import { redactUrl } from '../lib/index.js';
import { readConfiguration } from './configuration.js';
import { EXIT } from './exit.js';
import { colorsOf, print, printError, table } from './terminal.js';

/** `sentinel check`: says what a configuration does. Throws a ConfigError with every fault of it. Never prints a secret. */
export async function check(options: { config?: string }): Promise<number> {
  const { config } = await readConfiguration(options.config);
  const { yellow, green } = colorsOf(process.stderr);
  print(`${config.file}: ${green('ok')}`);
  print(`tasks: ${config.tasks.length}${byPlugin(config.tasks)}`);
  print(`jobs: ${config.scrape.length}`);
  print(`destinations: ${config.destinations.length}`);
  if (config.destinations.length > 0)
    print(
      table(
        config.destinations.map(({ name, url, protocol }) => [name, redactUrl(url), protocol]),
        '  ',
      ),
    );
  print(`http: ${config.http.listen === '' ? 'off' : config.http.listen}`);
  print(`data: ${config.sentinel.dataDirectory}`);
  for (const warning of config.warnings) printError(yellow(`warning: ${warning}`));
  return EXIT.ok;
}

function byPlugin(tasks: readonly { plugin: string }[]): string {
  const counts = new Map<string, number>();
  for (const { plugin } of tasks) counts.set(plugin, (counts.get(plugin) ?? 0) + 1);
  const parts = [...counts].sort().map(([plugin, count]) => `${count} ${plugin}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
