import assert from 'node:assert/strict';
import test from 'node:test';
import { sdk } from '../../../src/sdk/index.js';
import { options } from './kit.js';

test('ping fit', () => {
  const f = (written: Record<string, unknown>, timeoutMs: number | undefined, want: string) => {
    let got: string;
    try {
      const { config, timeoutMs: fitted } = options({ host: 'a', ...written }, timeoutMs);
      got = `${config.count} x ${config.interval} + ${config.timeout} in ${fitted}`;
    } catch (error) {
      if (!(error instanceof sdk.OptionError)) throw error;
      got = `${error.path.join('.')}: ${error.message}`;
    }
    assert.equal(got, want);
  };

  // room enough
  f({}, 10_000, '4 x 1000 + 5000 in 10000');
  // defaults shrink, with a margin for resolving and pacing
  f({}, 5000, '4 x 562 + 2812 in 5000');
  f({}, 1000, '4 x 112 + 562 in 1000');
  f({ count: 100 }, 30_000, '100 x 283 + 1418 in 30000');
  // only what was not given shrinks
  f({ timeout: '2s' }, 5000, '4 x 833 + 2000 in 5000');
  f({ interval: '1s' }, 5000, '4 x 1000 + 1500 in 5000');
  f({ count: 1, interval: '1s' }, 2000, '1 x 1000 + 1800 in 2000');
  // given, and it just fits
  f({ count: 4, interval: '1s', timeout: '5s' }, 8000, '4 x 1000 + 5000 in 8000');
  f({ count: 1, timeout: '5s' }, 5000, '1 x 1000 + 5000 in 5000');
  // given, and it does not fit
  f(
    { count: 4, interval: '1s', timeout: '5s' },
    7999,
    'timeout: (count-1)*interval+timeout = 3*1000ms+5000ms = 8000ms does not fit in the timeout of the task, 7999ms',
  );
  f(
    { interval: '10s' },
    30_000,
    'interval: (count-1)*interval+timeout = 3*10000ms+5000ms = 35000ms does not fit in the timeout of the task, 30000ms',
  );
  f(
    { count: 1000 },
    5000,
    'count: (count-1)*interval+timeout = 999*1000ms+5000ms = 1004000ms does not fit in the timeout of the task, 5000ms',
  );
  // defaults that cannot shrink that far
  f(
    {},
    100,
    'timeout: (count-1)*interval+timeout = 3*1000ms+5000ms = 8000ms does not fit in the timeout of the task, 100ms',
  );
  // trigger: the sum and a margin
  f({}, undefined, '4 x 1000 + 5000 in 10000');
  f({ count: 1, timeout: '300ms' }, undefined, '1 x 1000 + 300 in 2300');
});

test('ping options are judged before anything is sent', () => {
  const f = (written: Record<string, unknown>, want: RegExp) => assert.throws(() => options(written), want);
  f({}, /missing/);
  f({ host: 'a b' }, /a host name or an IP address/);
  f({ host: 'a', count: 0 }, /at least 1/);
  f({ host: 'a', count: 1001 }, /at most 1000/);
  f({ host: 'a', size: 65_508 }, /at most 65507/);
  f({ host: 'a', ttl: 0 }, /at least 1/);
  f({ host: 'a', tos: 256 }, /at most 255/);
  f({ host: 'a', max_loss: 2 }, /at most 1/);
  f({ host: 'a', family: 'ip5' }, /one of ip, ip4, ip6/);
  // a longer name would be cut by the kernel, and may then be another interface
  f({ host: 'a', interface: 'averylonginterface' }, /the name of an interface/);
});
