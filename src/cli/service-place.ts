import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PROGRAM_DIRECTORY, SentinelError } from '../lib/index.js';
import { usageError } from './exit.js';

/** The folder that an installation copies the program to. */
const INSTALLED_PROGRAM = '/opt/sentinel';

/** Where the units of this host stand, those that start with it, and the declaration of the service's user. */
export const UNIT_FOLDER = '/etc/systemd/system';
export const WANTS_FOLDER = `${UNIT_FOLDER}/multi-user.target.wants`;
export const USER_FILE = '/etc/sysusers.d/sentinel.conf';

/** Folders that the unit's ProtectHome and PrivateTmp hide. */
const HIDDEN = ['/home/', '/root/', '/run/user/', '/tmp/', '/var/tmp/'];

/** How `sentinel service` was called. */
export interface ServiceOptions {
  instance?: string;
  inPlace?: boolean;
  root?: string;
  yes?: boolean;
}

/** One service on a host: its names and paths. Paths are those that the running host sees, without `--root`. */
export interface ServicePlace {
  /** What stands before every path that is touched: empty, or the folder of `--root`. */
  root: string;
  instance: string | undefined;
  /** `sentinel.service`, `sentinel@mgmt.service`. */
  unit: string;
  /** `sentinel.service`, `sentinel@.service`. */
  unitFile: string;
  configFile: string;
  /** `sentinel`, `sentinel-mgmt`: below /var/lib, /var/log and /run. */
  folder: string;
  /** The folder that the service runs. */
  program: string;
  /** Whether `program` is a copy that an installation makes. */
  isCopy: boolean;
  /** Absolute path of Node. */
  node: string;
}

/** Works out where a service is. Throws SEN_USAGE for a name that cannot be one. */
export function servicePlace({ instance, inPlace = false, root }: ServiceOptions): ServicePlace {
  if (instance !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(instance))
    throw usageError(`--instance "${instance}": letters, digits, ".", "_" and "-" only, at most 64`);
  const folder = instance === undefined ? 'sentinel' : `sentinel-${instance}`;
  return {
    root: root === undefined ? '' : resolve(root),
    instance,
    unit: instance === undefined ? 'sentinel.service' : `sentinel@${instance}.service`,
    unitFile: instance === undefined ? 'sentinel.service' : 'sentinel@.service',
    configFile: `/etc/sentinel/${instance ?? 'sentinel'}.yaml`,
    folder,
    program: inPlace ? PROGRAM_DIRECTORY : INSTALLED_PROGRAM,
    isCopy: !inPlace,
    node: process.execPath,
  };
}

/** A path as it is touched now: below `--root` where that is given. */
export function under({ root }: ServicePlace, path: string): string {
  return root === '' ? path : join(root, path);
}

/** Whether something stands at a path. What may not be looked at counts as there: it is never written over. */
export function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

/** The other Sentinels that start with this host. */
export function otherUnits(place: ServicePlace): string[] {
  const folder = under(place, WANTS_FOLDER);
  if (!existsSync(folder)) return [];
  const isOurs = (name: string) => /^sentinel(@.+)?\.service$/.test(name) && name !== place.unit;
  return readdirSync(folder).filter(isOurs).sort();
}

/** Throws SEN_BUILD when this build could not run as a service, SEN_USAGE when these paths could not. */
export function checkProgram({ node, program, isCopy }: ServicePlace): void {
  const kind = `${process.platform}-${process.arch}-abi${process.versions.modules}`;
  if (!existsSync(join(PROGRAM_DIRECTORY, 'native', kind)))
    throw new SentinelError(
      'SEN_BUILD',
      `${PROGRAM_DIRECTORY} was not built for Node ${process.version} (${kind})`,
    );
  checkReachable(node, 'install Node for all users, in /usr or /usr/local');
  if (!isCopy) checkReachable(join(program, 'sentinel.js'), 'leave out --in-place, which copies it to /opt');
}

/** The service's user must be able to run what is at the path. */
function checkReachable(path: string, cure: string): void {
  const hidden = HIDDEN.find((folder) => path.startsWith(folder));
  if (hidden !== undefined)
    throw usageError(`${path} is below ${hidden}, which the service does not see: ${cure}`);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0)
      throw usageError(
        `${folder} may not be entered by the user of the service, so ${path} cannot be run: ${cure}`,
      );
    if (folder === dirname(folder)) return;
  }
}

/** Throws SEN_USAGE where the plan cannot be carried out: not root, or a host that systemd does not run. */
export function checkHost({ root }: ServicePlace): void {
  if (process.geteuid?.() !== 0) throw usageError('--yes needs root: run it with sudo');
  if (root === '' && !existsSync('/run/systemd/system'))
    throw usageError(
      'systemd does not run this host; see config/systemd/ for what a service of another kind must do',
    );
}
