import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { WatchedFile } from '../../src/net/index.js';
import { ManualClock } from '../manual-clock.js';

test('watched file: whatever stands in the way is its error, and goes with it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-watched-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new ManualClock();
  const place = join(folder, 'place');
  const file = new WatchedFile(join(place, 'file'), clock);
  let version = 0;
  const f = async (prepare: () => void, want: string) => {
    rmSync(place, { recursive: true, force: true });
    prepare();
    await clock.advance(1000);
    file.refresh();
    assert.equal((file.error as NodeJS.ErrnoException | undefined)?.code ?? file.text, want);
    assert.equal(file.version, ++version, want);
  };

  await f(() => {}, 'ENOENT');
  await f(() => writeFileSync(place, ''), 'ENOTDIR');
  await f(() => symlinkSync('place', place), 'ELOOP');
  await f(() => {
    mkdirSync(place);
    writeFileSync(join(place, 'file'), 'text');
  }, 'text');
  await f(() => mkdirSync(join(place, 'file'), { recursive: true }), 'EISDIR');
});
