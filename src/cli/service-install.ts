import { lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { PROGRAM_DIRECTORY } from '../lib/index.js';
import { usageError } from './exit.js';
import {
  copyProgram,
  isProgram,
  isSameProgram,
  letGroupRead,
  readText,
  writePrivate,
  writePublic,
} from './service-files.js';
import {
  isThere,
  otherUnits,
  type ServicePlace,
  UNIT_FOLDER,
  USER_FILE,
  under,
  WANTS_FOLDER,
} from './service-place.js';
import { commandStep, runCommand, type Step } from './service-step.js';
import { firstConfig, USER_TEXT, unitText } from './service-unit.js';

/** What an installation still has to do, in order; nothing when all is as it should be. Throws SEN_USAGE when something else stands in its place. */
export function installPlan(place: ServicePlace): Step[] {
  const program = programSteps(place);
  const unit = unitSteps(place);
  const steps = [...userSteps(place), ...program, ...configSteps(place), ...unit];
  const hasChanged = program.length + unit.length > 0;
  const others = program.length > 0 ? otherUnits(place) : [];
  return [...steps, ...startSteps(place, hasChanged), ...restartSteps(place, others)];
}

function userSteps(place: ServicePlace): Step[] {
  if (tryUser(place) !== undefined) return [];
  const file = under(place, USER_FILE);
  const root = place.root === '' ? [] : [`--root=${place.root}`];
  return [
    { text: `write ${file}: the user "sentinel"`, run: () => writePublic(file, USER_TEXT) },
    commandStep('systemd-sysusers', [...root, 'sentinel.conf']),
  ];
}

function programSteps(place: ServicePlace): Step[] {
  const target = under(place, place.program);
  if (!place.isCopy || isSameProgram(PROGRAM_DIRECTORY, target)) return [];
  const exists = isThere(target);
  if (exists && !isProgram(target))
    throw usageError(
      `${target} is there and is no installed Sentinel: move it away, or run in place with --in-place`,
    );
  const text = `${exists ? 'replace' : 'write'} ${target}: the program, from ${PROGRAM_DIRECTORY}`;
  return [{ text, run: () => copyProgram(PROGRAM_DIRECTORY, target) }];
}

function unitSteps(place: ServicePlace): Step[] {
  const file = under(place, `${UNIT_FOLDER}/${place.unitFile}`);
  const text = unitText(place);
  if (readText(file) === text) return [];
  return [
    { text: `${isThere(file) ? 'replace' : 'write'} ${file}: the unit`, run: () => writePublic(file, text) },
  ];
}

/** A configuration is never written over. After an upgrade of the host's image its group may have another number, or none. */
function configSteps(place: ServicePlace): Step[] {
  const file = under(place, place.configFile);
  const steps = [dirname(file), file]
    .filter((path) => isThere(path) && !isReadable(lstatSync(path), place))
    .map((path) => ({
      text: `let the group "sentinel" read ${path}`,
      run: () => letGroupRead(path, user(place).groupId),
    }));
  if (isThere(file)) return steps;
  const text = `write ${file}: a first configuration, mode 0640, root:sentinel`;
  return [...steps, { text, run: () => writePrivate(file, firstConfig(place), user(place).groupId) }];
}

/** Whether the service's user may read a file, or enter a folder. */
function isReadable({ uid, gid, mode }: Stats, place: ServicePlace): boolean {
  const found = tryUser(place);
  if ((mode & 0o004) !== 0) return true;
  return found !== undefined && (uid === found.id || (gid === found.groupId && (mode & 0o040) !== 0));
}

interface User {
  id: number;
  groupId: number;
}

function tryUser(place: ServicePlace): User | undefined {
  const line = /^sentinel:[^:]*:(\d+):(\d+):/m.exec(readText(under(place, '/etc/passwd')));
  return line === null ? undefined : { id: Number(line[1]), groupId: Number(line[2]) };
}

function user(place: ServicePlace): User {
  const found = tryUser(place);
  if (found === undefined) throw new Error(`there is no user "sentinel" in ${under(place, '/etc/passwd')}`);
  return found;
}

/** Below `--root` nothing runs: there the service starts with its host. */
function startSteps(place: ServicePlace, hasChanged: boolean): Step[] {
  const { unit, root } = place;
  const systemctl = (...args: string[]) => commandStep('systemctl', args);
  const isEnabled = isThere(under(place, `${WANTS_FOLDER}/${unit}`));
  if (root !== '') return isEnabled ? [] : [systemctl(`--root=${root}`, 'enable', unit)];
  return [
    ...(hasChanged ? [systemctl('daemon-reload')] : []),
    ...(isEnabled ? [] : [systemctl('enable', unit)]),
    ...(hasChanged || !isActive(unit) ? [systemctl('restart', unit)] : []),
  ];
}

/** The other services of the same program, where they run. */
function restartSteps({ root }: ServicePlace, units: readonly string[]): Step[] {
  return root !== '' || units.length === 0 ? [] : [commandStep('systemctl', ['try-restart', ...units])];
}

function isActive(unit: string): boolean {
  try {
    runCommand('systemctl', ['is-active', '--quiet', unit]);
    return true;
  } catch {
    return false; // Not running, or no systemctl: then starting it says why.
  }
}
