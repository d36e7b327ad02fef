import { rmSync } from 'node:fs';
import { isProgram } from './service-files.js';
import {
  isThere,
  otherUnits,
  type ServicePlace,
  UNIT_FOLDER,
  USER_FILE,
  under,
  WANTS_FOLDER,
} from './service-place.js';
import { commandStep, type Step } from './service-step.js';

/** What has to go so that a service is gone, in order. What other services use stays; so do configuration, data, logs and user. */
export function uninstallPlan(place: ServicePlace): Step[] {
  const { unit, unitFile, root, program } = place;
  const others = otherUnits(place);
  const isShared = others.some((other) => other.includes('@') === unitFile.includes('@'));
  const removals = [
    ...(isShared ? [] : [`${UNIT_FOLDER}/${unitFile}`]),
    ...(others.length === 0 && isProgram(under(place, program)) ? [program] : []),
    ...(others.length === 0 ? [USER_FILE] : []),
  ]
    .map((path) => under(place, path))
    .filter(isThere)
    .map((path) => ({ text: `remove ${path}`, run: () => rmSync(path, { recursive: true }) }));
  const disabling = isThere(under(place, `${WANTS_FOLDER}/${unit}`))
    ? [
        commandStep(
          'systemctl',
          root === '' ? ['disable', '--now', unit] : [`--root=${root}`, 'disable', unit],
        ),
      ]
    : [];
  const reloading = root === '' && removals.length > 0 ? [commandStep('systemctl', ['daemon-reload'])] : [];
  return [...disabling, ...removals, ...reloading];
}

/** What an uninstallation leaves, and how it goes. */
export function leftovers(place: ServicePlace): string[] {
  const { configFile, folder } = place;
  const kept = [configFile, `/var/lib/${folder}`, `/var/log/${folder}`]
    .map((path) => under(place, path))
    .filter(isThere);
  return kept.length === 0
    ? []
    : [`kept: ${kept.join(' ')} and the user "sentinel"; remove them by hand when they are not wanted`];
}
