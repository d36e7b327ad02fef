import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'node:test';

// The road of a sample, in order, and what each stop may import. Nothing else is allowed.
// A stage never imports the next stage: src/main.ts hands it over as a function.
const GROUND = ['src/lib', 'src/model'];
const ALLOWED: Record<string, readonly string[]> = {
  // ground
  'src/lib': [],
  'src/model': ['src/lib'],
  'src/net': ['src/lib'],
  'src/exposition': GROUND,
  'src/sdk': ['src/lib', 'src/net', 'src/exposition'],
  // the road
  // config reads the sections of the stages, and a task's options by its plugin's schema
  'src/config': [
    'src/lib',
    'src/net',
    'src/discovery',
    'src/scrape',
    'src/probe',
    'src/relabel',
    'src/buffer',
    'src/sender',
    'src/http',
  ],
  'src/discovery': ['src/lib', 'src/net'],
  'src/schedule': GROUND,
  // a target's labels are relabelled before it is one, and its series when they are new
  'src/scrape': [...GROUND, 'src/net', 'src/exposition', 'src/schedule', 'src/relabel', 'src/discovery'],
  'src/probe': [...GROUND, 'src/net', 'src/sdk', 'src/schedule'],
  // pure: labels to labels, for whoever has rules
  'src/relabel': GROUND,
  // a source of batches like probe, with phases made as the schedule's are
  'src/self': [...GROUND, 'src/schedule'],
  // routes are made of rules
  'src/block': [...GROUND, 'src/relabel'],
  // a block is a noun that three stages share, so it stands in the model
  'src/buffer': GROUND,
  // a destination names its own rules; the block stage applies them
  'src/sender': [...GROUND, 'src/net', 'src/relabel'],
  // the edges: they look at the road, the road never looks at them
  'src/http': [
    ...GROUND,
    'src/net',
    'src/discovery',
    'src/scrape',
    'src/probe',
    'src/relabel',
    'src/sender',
    'src/web',
  ],
  // the pages show what the stages tell of themselves
  'src/web': ['src/lib', 'src/probe', 'src/sender'],
  // ops speaks with the host's service manager about the process, and knows no stage
  'src/ops': ['src/lib'],
  // `status` prints what the control socket answers
  'src/cli': [
    ...GROUND,
    'src/net',
    'src/sdk',
    'src/config',
    'src/scrape',
    'src/probe',
    'src/relabel',
    'src/sender',
    'src/ops',
    'src/http',
    'src/main',
  ],
  'src/main': ['*'],
  'plugins/*': ['src/sdk'],
};

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.endsWith('.test.ts'));
}

const sources = [...sourcesIn('src'), ...sourcesIn('plugins').filter((file) => !file.includes('/test/'))];

/** `src/probe/host.ts` -> `src/probe`; `plugins/ping/index.ts` -> `plugins/*`; `src/main.ts` -> `src/main`. */
function roomOf(file: string): string {
  const [top, second] = file.replace(/\.(ts|js|mjs)$/, '').split('/');
  return top === 'plugins' ? 'plugins/*' : `${top}/${second}`;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(import|export)(\s+type)?\b[^;'"]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g,
  );
  return [...found].flatMap((match) => {
    const specifier = match[3] ?? match[4]!;
    if (!specifier.startsWith('.')) return [];
    const target = relative('.', join(dirname(file), specifier)).replace(/\.(ts|js|mjs)$/, '');
    return [{ file, target, typeOnly: match[2] !== undefined }];
  });
}

const imports = sources.flatMap(importsOf);

test('every folder of src is known, and every source is looked at', () => {
  for (const name of readdirSync('src')) {
    if (name === 'README.md') continue;
    assert.ok(
      `src/${name.replace('.ts', '')}` in ALLOWED,
      `src/${name} is not on the road: add it to the table with the reason`,
    );
  }
  assert.ok(
    sources.length > 40,
    `only ${sources.length} sources found; is this run from the project's root?`,
  );
  assert.ok(imports.length > sources.length);
});

test('imports point down', () => {
  for (const { file, target } of imports) {
    const [from, to] = [roomOf(file), roomOf(target)];
    if (from === to) continue;
    const allowed = ALLOWED[from] ?? [];
    assert.ok(
      allowed.includes('*') || allowed.includes(to),
      `${file} imports ${target}: ${from} may import ${allowed.join(', ')}`,
    );
  }
});

test('the table allows nothing that nobody imports', () => {
  const used = new Set(imports.map(({ file, target }) => `${roomOf(file)} -> ${roomOf(target)}`));
  const unused = Object.entries(ALLOWED).flatMap(([from, rooms]) =>
    rooms.filter((to) => to !== '*' && !used.has(`${from} -> ${to}`)).map((to) => `${from} -> ${to}`),
  );
  assert.deepEqual(unused, []);
});

test('only the face of a folder (index) or its schema is imported from outside', () => {
  for (const { file, target } of imports) {
    const [from, to] = [roomOf(file), roomOf(target)];
    if (from === to || to === 'src/main') continue;
    const face = target.slice(to.length + 1);
    assert.ok(
      face === 'index' || face === 'schema',
      `${file} imports ${target}: only ${to}/index and ${to}/schema are open`,
    );
  }
});

test('a plugin takes types from the sdk, and values as an argument', () => {
  for (const { file, target, typeOnly } of imports) {
    if (roomOf(file) === 'plugins/*' && roomOf(target) !== 'plugins/*')
      assert.ok(typeOnly, `${file} imports values from ${target}`);
  }
});

test('a plugin does not reach into another', () => {
  for (const { file, target } of imports) {
    if (!file.startsWith('plugins/') || !target.startsWith('plugins/')) continue;
    assert.equal(target.split('/')[1], file.split('/')[1], `${file} imports ${target}`);
  }
});

test('the table holds no circle', () => {
  const visit = (room: string, path: readonly string[]): void => {
    assert.ok(!path.includes(room), `circle: ${[...path, room].join(' -> ')}`);
    for (const next of ALLOWED[room] ?? []) if (next !== '*') visit(next, [...path, room]);
  };
  for (const room of Object.keys(ALLOWED)) visit(room, []);
});

test('tsyringe stands in main alone', () => {
  for (const file of sources) {
    if (file === 'src/main.ts') continue;
    assert.doesNotMatch(readFileSync(file, 'utf8'), /from 'tsyringe'/, file);
  }
});

test('a metric is named after its folder', () => {
  for (const file of sources.filter((source) => source.startsWith('src/'))) {
    const room = file.split('/')[1]!;
    for (const match of readFileSync(file, 'utf8').matchAll(/'sentinel_([a-z]+)_[a-z_]+'/g)) {
      const hostCounts = room === 'probe' && match[1] === 'schedule'; // The schedule runs in the hosts; the agent counts for it.
      assert.ok(match[1] === room || hostCounts || room === 'main.ts', `${file} names ${match[0]}`);
    }
  }
});

test('each folder has what the table says', () => {
  for (const room of Object.keys(ALLOWED)) {
    if (room.includes('*')) continue;
    assert.ok(existsSync(room) || existsSync(`${room}.ts`), `${room} is in the table but not in the tree`);
  }
});
