import { SentinelError } from '../lib/index.js';
import { EXIT } from './exit.js';
import { readText } from './service-files.js';
import { installPlan } from './service-install.js';
import {
  checkHost,
  checkProgram,
  type ServiceOptions,
  type ServicePlace,
  servicePlace,
  UNIT_FOLDER,
  under,
} from './service-place.js';
import { doStep, type Step } from './service-step.js';
import { leftovers, uninstallPlan } from './service-uninstall.js';
import { unitText } from './service-unit.js';
import { print, printError } from './terminal.js';

/** `sentinel service show`: prints the unit as it would be installed, and whether it is. */
export function showService(options: ServiceOptions): number {
  const place = servicePlace(options);
  const file = under(place, `${UNIT_FOLDER}/${place.unitFile}`);
  const [text, now] = [unitText(place), readText(file)];
  const state =
    now === '' ? 'not installed' : now === text ? 'installed as shown' : 'installed, but other than shown';
  print(`# ${file}: ${state}\n${text.trimEnd()}`);
  return EXIT.ok;
}

/** `sentinel service install`: says what is to do, and does it with `--yes`. Throws SEN_USAGE before anything is done, SEN_SERVICE at the step that failed. */
export function installService(options: ServiceOptions): number {
  const place = servicePlace(options);
  checkProgram(place);
  const steps = installPlan(place);
  if (steps.length === 0) print(`nothing to do: ${place.unit} is installed and enabled`);
  else if (carryOut(steps, place, options)) {
    if (place.root === '')
      print(`${place.unit} runs: systemctl status ${place.unit}; journalctl -u ${place.unit}`);
    print(`its configuration: ${under(place, place.configFile)}`);
  }
  return EXIT.ok;
}

/** `sentinel service uninstall`: the same the other way round. */
export function uninstallService(options: ServiceOptions): number {
  const place = servicePlace(options);
  const steps = uninstallPlan(place);
  if (steps.length === 0) print(`nothing to do: ${place.unit} is not installed`);
  else carryOut(steps, place, options);
  for (const line of leftovers(place)) print(line);
  return EXIT.ok;
}

/** Gives whether the steps were done, and not only told. */
function carryOut(steps: readonly Step[], place: ServicePlace, { yes = false }: ServiceOptions): boolean {
  if (yes) {
    checkHost(place);
    for (const step of steps) {
      print(step.text);
      doStep(step);
    }
    return true;
  }
  print('nothing is done yet; with --yes:');
  for (const { text } of steps) print(`  ${text}`);
  warnOfRefusal(place);
  return false;
}

function warnOfRefusal(place: ServicePlace): void {
  try {
    checkHost(place);
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    printError(`with --yes this would be refused: ${error.message}`);
  }
}
