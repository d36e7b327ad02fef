import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '../../src/config/index.js';
import { load, ROOT } from './fixture.js';

// The seeds: every configuration that there is, good or bad.
const seeds = ['config', 'test/golden/config'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('bomb'))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8')),
);
const env = { SET: 'a', SENTINEL_NAME: '12' };
const LONGEST_MS = 5000;

/** A configuration or a ConfigError, in bounded time, and nothing else. */
async function holds(text: string): Promise<void> {
  const started = performance.now();
  try {
    const config = await load(text, { env });
    assert.ok(Object.isFrozen(config));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.lines.length > 0);
    for (const line of error.lines) assert.match(line, /^c\.yaml:\d+:\d+: [^\n]+$/);
  }
  assert.ok(performance.now() - started < LONGEST_MS, 'took too long');
}

const piece = fc.oneof(
  fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ': ',
    '- ',
    '\n',
    '  ',
    '\t',
    '&a ',
    '*a',
    '<<: ',
    '!!',
    '|',
    '>',
    '"',
    "'",
    '#',
  ),
  fc.constantFrom(
    '${',
    '}',
    '${SET}',
    '%{SET}',
    '$${',
    '---\n',
    '? ',
    '~',
    '0',
    '-1',
    '1e9',
    '.nan',
    'true',
    '\0',
  ),
  fc.constantFrom('tasks', 'config', 'sender', 'direct', 'url', '__proto__', 'constructor', 'http', 'labels'),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

const mutated = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(), fc.nat(20), piece), { minLength: 1, maxLength: 6 }),
  )
  .map(([seed, edits]) => {
    let text = seed;
    for (const [place, length, put] of edits) {
      const at = place % (text.length + 1);
      text = text.slice(0, at) + put + text.slice(at + length);
    }
    return text;
  });

test('changed configurations', async () => {
  await fc.assert(fc.asyncProperty(mutated, holds), { numRuns: 400 });
});

test('garbage', async () => {
  const garbage = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
  await fc.assert(fc.asyncProperty(garbage, holds), { numRuns: 400 });
});

test('any value of YAML', async () => {
  const json = fc.json({ maxDepth: 6 });
  const sections = fc.constantFrom(
    'sentinel',
    'global',
    'tasks',
    'plugins',
    'sender',
    'remote_write',
    'http',
    'logging',
  );
  await fc.assert(
    fc.asyncProperty(sections, json, (section, value) => holds(`${section}: ${value}`)),
    { numRuns: 400 },
  );
});

test('shapes that take other readers down', async () => {
  const many = (text: string, times: number) => text.repeat(times);
  await holds(many('[', 20_000));
  await holds(many('{a: ', 5000));
  await holds(many('- ', 20_000));
  await holds(Array.from({ length: 3000 }, (_, i) => `${many(' ', i % 200)}a:`).join('\n'));
  await holds(`sentinel: {labels: {${Array.from({ length: 5000 }, (_, i) => `l${i}: 1`).join(', ')}}}`);
  await holds(`a: ${many('${SET}', 50_000)}`);
  await holds(`a: ${many('${', 50_000)}`);
  await holds(`? ${many('? ', 2000)}`);
  await holds(`a: &a {b: *a}\nc: &c [*c, *c]\nd: &d {<<: *d}\n`);
  await holds(readFileSync(join(ROOT, 'test/golden/config/bomb.bad.yaml'), 'utf8'));
  await holds(many(`${many('x', 1000)}\n`, 1000));
});
