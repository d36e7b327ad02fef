import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { silentLog } from '../../src/cli/command-log.js';
import { type Clock, systemClock } from '../../src/lib/index.js';
import { createServiceNotifier } from '../../src/ops/index.js';
import { AgentProcess, freePort, temporaryFolder } from '../e2e/sentinel.js';
import { needSystemd } from '../systemd.js';
import { until } from '../until.js';
import { NotifyReceiver } from './notify-receiver.js';

const config = (folder: string, listen: string) => `
sentinel: {data_dir: ${folder}/data}
http: {listen: "${listen}"}
logging: {format: json, output: stdout}
`;

/** Makes the agent's own loop, and nothing else of it, stand still for this long at SIGUSR2. */
const hangingLoop = (ms: number) =>
  `--import=data:text/javascript,process.on('SIGUSR2',()=>{const%20end=Date.now()+${ms};while(Date.now()<end);})`;

test('systemd is told of the start, the state and the stop', async (t) => {
  if (!needSystemd(t, 'systemd-notify')) return;
  const receiver = await NotifyReceiver.start(t);
  const folder = temporaryFolder(t);
  const listen = `127.0.0.1:${await freePort()}`;
  const agent = new AgentProcess(t, {
    folder,
    config: config(folder, listen),
    env: { NOTIFY_SOCKET: receiver.socket },
  });
  const ready = await receiver.gets('READY=1');
  assert.equal(
    (await fetch(`http://${listen}/-/healthy`)).status,
    200,
    'ready is said when the HTTP side listens',
  );
  assert.deepEqual(ready.lines, ['READY=1', 'STATUS=0 tasks, 0 failing; no destination']);
  assert.equal((await agent.stop()).code, 0);
  assert.deepEqual((await receiver.gets('STOPPING=1')).lines, [
    'STOPPING=1',
    'STATUS=stopping; 0 tasks, 0 failing; no destination',
  ]);
  assert.deepEqual(receiver.secondsOf('WATCHDOG=1'), [], 'no watchdog was asked for');
});

test('the watchdog is fed at half its time, and not while the loop stands still', async (t) => {
  if (!needSystemd(t, 'systemd-notify')) return;
  const receiver = await NotifyReceiver.start(t);
  const folder = temporaryFolder(t);
  const agent = new AgentProcess(t, {
    folder,
    config: config(folder, ''),
    env: { NOTIFY_SOCKET: receiver.socket, WATCHDOG_USEC: '800000', NODE_OPTIONS: hangingLoop(2500) },
  });
  const pings = () => receiver.secondsOf('WATCHDOG=1');
  // One of them may be late on its way, as each is sent by a program of its own.
  await until('some signs of life', () => pings().length >= 9);
  const period = (pings()[8]! - pings()[0]!) / 8;
  assert.ok(period > 0.3 && period < 0.7, `${period} s, of a watchdog of 0.8 s`);
  const before = pings().length;
  agent.child.kill('SIGUSR2');
  await until('signs of life after the loop stood still', () => pings().length >= before + 3);
  const gaps = pings()
    .slice(1)
    .map((seconds, i) => seconds - pings()[i]!);
  assert.ok(
    Math.max(...gaps) > 2,
    `the longest gap was ${Math.max(...gaps)} s: the pings do not depend on the loop`,
  );
  assert.equal((await agent.stop()).code, 0);
});

test('where nobody asks for it, systemd-notify is not run', async (t) => {
  const folder = temporaryFolder(t);
  const ran = join(folder, 'ran');
  writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$@" >>${ran}\n`);
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const PATH = `${folder}:${process.env.PATH}`;
  const run = async (env: NodeJS.ProcessEnv) => {
    const agent = new AgentProcess(t, { folder, config: config(folder, ''), env: { PATH, ...env } });
    await agent.says('no destination is enabled');
    assert.equal((await agent.stop()).code, 0);
  };
  await run({ NOTIFY_SOCKET: undefined, WATCHDOG_USEC: '100000' });
  assert.equal(existsSync(ran), false);
  await run({ NOTIFY_SOCKET: '/nowhere' });
  assert.match(readFileSync(ran, 'utf8'), /^READY=1 STATUS=/);
});

test('a systemd that is slow to read gets no row of pings, and the loop does not wait for it', async (t) => {
  const folder = temporaryFolder(t);
  const ran = join(folder, 'ran');
  const go = join(folder, 'go');
  writeFileSync(
    join(folder, 'systemd-notify'),
    `#!/bin/sh\necho "$@" >>${ran}\nwhile [ ! -e ${go} ]; do sleep 0.05; done\n`,
  );
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const clock = countingClock();
  const notifier = createServiceNotifier({
    env: { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '20000', PATH: `${folder}:${process.env.PATH}` },
    clock,
    log: silentLog,
    status: () => 'one\n  line',
  });
  t.after(() => notifier.close());
  notifier.ready();
  await until('twenty ticks', () => clock.ticks >= 20);
  notifier.reloading();
  notifier.ready();
  notifier.stopping();
  assert.equal(readFileSync(ran, 'utf8'), 'READY=1 STATUS=one line\n');
  writeFileSync(go, '');
  await until('the stop', () => readFileSync(ran, 'utf8').includes('STOPPING'));
  assert.match(
    readFileSync(ran, 'utf8'),
    /^READY=1 STATUS=one line\nWATCHDOG=1\nRELOADING=1 MONOTONIC_USEC=\d{6,}\nREADY=1\nSTOPPING=1 STATUS=stopping; one line\n/,
  );
});

test('that systemd cannot be told is an error in the log, once', async (t) => {
  const errors: string[] = [];
  const clock = countingClock();
  const notifier = createServiceNotifier({
    env: { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '20000', PATH: temporaryFolder(t) },
    clock,
    log: { ...silentLog, error: (line: object | string) => void errors.push(String(line)) },
    status: () => '',
  });
  t.after(() => notifier.close());
  notifier.ready();
  await until('ten ticks', () => clock.ticks >= 10);
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, /^cannot tell systemd how the agent is \(systemd-notify\): .*ENOENT/);
});

/** The real time, with a count of what it called. */
function countingClock(): Clock & { ticks: number } {
  const clock = {
    ...systemClock,
    ticks: 0,
    after: (delayMs: number, run: () => void) =>
      systemClock.after(delayMs, () => {
        clock.ticks++;
        run();
      }),
  };
  return clock;
}
