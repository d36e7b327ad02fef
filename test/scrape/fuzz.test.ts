import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { PAGES } from '../exposition/pages.js';
import { TestTarget } from './series-set-up.js';

// A target that knows a page compares bytes where a new one reads them: both must come to the same, whatever becomes of the page.

interface Change {
  at: number;
  bytes: number[];
  removed: number;
}

const CHANGE = fc.record({
  at: fc.nat(400),
  bytes: fc.array(fc.constantFrom(...Buffer.from('{}"\\,=# \n\0a1_.e\xff', 'latin1')), { maxLength: 3 }),
  removed: fc.nat(3),
});

function changed(page: Buffer, { at, bytes, removed }: Change): Buffer {
  const place = at % (page.length + 1);
  return Buffer.concat([page.subarray(0, place), Buffer.from(bytes), page.subarray(place + removed)]);
}

test('a page that is like the last one is read as by a new target', async () => {
  // How a bound is written is decided once per text, as in Prometheus, also when the TYPE line goes.
  const isSimple = (body: Buffer) => body.length < 2000 && !/histogram|summary/.test(body.toString('latin1'));
  const pages = fc.constantFrom(...PAGES.filter(({ body }) => isSimple(body)));
  await fc.assert(
    fc.asyncProperty(pages, fc.array(CHANGE, { maxLength: 2 }), async ({ body, contentType }, changes) => {
      const warm = new TestTarget({ config: { honorTimestamps: false } });
      await warm.scrapeBytes(0, body, contentType);
      const next = changes.reduce(changed, body);
      const warmLines = await warm.scrapeBytes(10, next, contentType);
      const cold = new TestTarget({ config: { honorTimestamps: false } });
      const coldLines = await cold.scrapeBytes(10, next, contentType);
      assert.equal(warm.last.error, cold.last.error);
      assert.deepEqual(
        warmLines.filter((line) => !line.includes(' stale ')),
        coldLines,
      );
      assert.equal(warm.last.scraped, cold.last.scraped);
      assert.equal(warm.last.kept, cold.last.kept);
    }),
    { numRuns: 3000 },
  );
});
