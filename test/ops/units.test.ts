import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { STOP_DEADLINE_MS } from '../../src/cli/start.js';
import { HOST_LIMITS } from '../../src/probe/host-limits.js';
import { temporaryFolder } from '../e2e/sentinel.js';
import { needSystemd } from '../systemd.js';

const UNITS = resolve('config/systemd');
const textOf = (name: string) => readFileSync(join(UNITS, name), 'utf8');
const keyOf = (name: string, key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(textOf(name))?.[1];

for (const [name, runsAs] of Object.entries({
  'sentinel.service': 'sentinel.service',
  'sentinel@.service': 'sentinel@mgmt.service',
})) {
  test(`${name}: systemd has nothing to say about it, and it scores 2.0 or better`, (t) => {
    if (!needSystemd(t, 'systemd-analyze')) return;
    const file = join(temporaryFolder(t), runsAs);
    writeFileSync(file, textOf(name).replace('/usr/bin/node', process.execPath));
    const verify = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    assert.deepEqual([verify.stdout, verify.stderr, verify.status], ['', '', 0]);
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
      encoding: 'utf8',
    });
    const score = /Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout)?.[1];
    assert.ok(Number(score) <= 2.0, stdout);
  });

  test(`${name}: the stop of the agent fits in TimeoutStopSec`, () => {
    const seconds = /^(\d+)s$/.exec(keyOf(name, 'TimeoutStopSec') ?? '')?.[1];
    assert.ok(Number(seconds) * 1000 >= STOP_DEADLINE_MS + 5000);
  });

  test(`${name}: a probe host that grows meets its own limit before the ceiling of the unit`, () => {
    const mib = (key: string) => Number(/^(\d+)M$/.exec(keyOf(name, key) ?? '')?.[1]);
    const growing = (HOST_LIMITS.maxRssBytes * 1.25) / 2 ** 20;
    const [agent, hosts, sharedPages] = [210, 120 + 60, 50];
    assert.ok(mib('MemoryHigh') >= agent + hosts + growing + sharedPages);
    assert.ok(mib('MemoryMax') >= mib('MemoryHigh') + 150);
  });
}

test('the unit of an instance is that of the service, at places of its own', () => {
  const ofInstance = textOf('sentinel@.service').split('\n').slice(1);
  const ofService = textOf('sentinel.service')
    .replace('Description=Sentinel,', 'Description=Sentinel %i,')
    .replace('/etc/sentinel/sentinel.yaml', '/etc/sentinel/%i.yaml')
    .replace('/var/lib/sentinel\n', '/var/lib/sentinel-%i\n')
    .replace(/^(State|Logs|Runtime)Directory=sentinel$/gm, '$1Directory=sentinel-%i')
    .split('\n')
    .slice(1);
  assert.deepEqual(ofInstance, ofService);
});
