import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { parse } from 'yaml';
import { renderJsonSchema } from '../../src/config/json-schema.js';
import { renderReference } from '../../src/config/reference.js';
import { configSchema, SECTIONS } from '../../src/config/schema.js';
import { serverSections } from '../../src/config/server-only.js';
import { type Entries, field, type Schema } from '../../src/lib/index.js';
import { load, ROOT } from './fixture.js';

const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNulls(item)]));
};

const uncommented = (text: string, marker: RegExp) => text.replace(marker, '$1');

test('the generated files are fresh', () => {
  const result = spawnSync(process.execPath, ['bin/docs.mjs', '--check', '--built'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.equal(result.stderr, '');
  assert.equal(result.status, 0);
});

test('the reference as it stands is the defaults', () => {
  const { value, issues } = field.check(configSchema, withoutNulls(parse(renderReference(SECTIONS))));
  assert.equal(issues, undefined);
  assert.deepEqual(value, field.check(configSchema, {}).value);
});

test('the reference with every key set is a configuration, and shows every default as it is', () => {
  const written = parse(uncommented(renderReference(SECTIONS), /^( *)# /gm)) as Record<string, unknown>;
  assert.deepEqual(field.check(configSchema, written).issues, undefined);
  let seen = 0;
  // What several sections share is explained in one of them; the others name it.
  const explained = new Set<Schema<unknown>>();
  const walk = (schema: Schema<unknown>, value: unknown, path: string): void => {
    const { entries, item, kind } = field.metadataOf(schema);
    for (const [key, entry] of Object.entries(entries ?? {})) {
      const given = (value as Record<string, unknown> | undefined)?.[key];
      const { default: want } = field.absenceOf(entry);
      const { instead, kind: inner } = field.metadataOf(entry);
      if (instead !== undefined) continue;
      if (given === undefined && explained.has(entry)) continue;
      explained.add(entry);
      seen++;
      assert.notEqual(given, undefined, `${path}.${key} is not in the reference`);
      if (want !== undefined && typeof want !== 'object') assert.equal(given, want, `${path}.${key}`);
      if (inner === 'section' || inner === 'list' || inner === 'map') walk(entry, given, `${path}.${key}`);
    }
    if (kind === 'list' && item !== undefined && Array.isArray(value)) walk(item, value[0], `${path}[0]`);
    if (kind === 'map' && item !== undefined && value !== undefined)
      for (const [key, inner] of Object.entries(value as object)) walk(item, inner, `${path}.${key}`);
  };
  walk(SECTIONS.scrape_configs, written.scrape_configs, 'scrape_configs');
  walk(field.section('The sections.', SECTIONS), written, '');
  assert.ok(seen > 150, `only ${seen} keys`);
});

test('a key that stands in place of another one is in the reference too', () => {
  const text = uncommented(renderReference(SECTIONS), /^( *)#[|]? (?!#)/gm);
  const written = parse(text) as { scrape_configs: [object] };
  const keys = Object.keys(written.scrape_configs[0]);
  const known = field.metadataOf(field.metadataOf(SECTIONS.scrape_configs).item!).entries as Entries;
  assert.deepEqual(keys.sort(), Object.keys(known).sort());
});

test('what a section shares with another is named where it is not explained', () => {
  const text = renderReference(SECTIONS);
  const [, direct = ''] = /\n {2}# direct:\n(.*?)\n\n/s.exec(text) ?? [];
  const item = field.metadataOf(field.metadataOf(SECTIONS.sender).entries!.direct!).item!;
  for (const key of Object.keys(field.metadataOf(item).entries!))
    assert.match(direct, new RegExp(`\\n {6}(#[|]? ${key}:|## (And as|As) in .*\\b${key}\\b)`), key);
  assert.equal(text.match(/# ca_file:/g)?.length, 1);
});

test('every configuration in config/ loads', async () => {
  const names = readdirSync(join(ROOT, 'config')).filter(
    (name) => name.endsWith('.yaml') && !name.startsWith('compose'),
  );
  assert.ok(names.length >= 4);
  for (const name of names) {
    const text = readFileSync(join(ROOT, 'config', name), 'utf8');
    assert.match(text, /^# yaml-language-server: \$schema=sentinel\.schema\.json\n/, name);
    await load(text, { env: { CREDENTIALS_DIRECTORY: '.' } }, { 'victoria-metrics.password': 'x' });
  }
});

test("config.yaml is the guide's set-up", async () => {
  const config = await load(readFileSync(join(ROOT, 'config/config.yaml'), 'utf8'));
  assert.deepEqual(
    [config.sentinel.name, config.sentinel.region, config.buffer.commitIntervalMs],
    ['sentinel-standalone', 'local', 15_000],
  );
  assert.deepEqual(
    config.destinations.map((d) => [d.name, d.url, d.flushIntervalMs]),
    [['victoria_metrics', 'http://localhost:8428/api/v1/write', 10_000]],
  );
  const [task] = config.tasks;
  assert.deepEqual(
    [task?.id, task?.deviceId, task?.target, task?.intervalMs, task?.config],
    ['ping-gateway', '192.168.1.1', '192.168.1.1', 60_000, { host: '192.168.1.1', count: 4 }],
  );
});

test('quickstart.yaml takes its addresses from the environment', async () => {
  const text = readFileSync(join(ROOT, 'config/quickstart.yaml'), 'utf8');
  const env = {
    SENTINEL_LISTEN: '127.0.0.1:19872',
    SENTINEL_REMOTE_WRITE_URL: 'http://localhost:9090/api/v1/write',
  };
  const moved = await load(text, { env });
  assert.equal(moved.http.listen, '127.0.0.1:19872');
  assert.equal(moved.destinations[0]?.url, 'http://localhost:9090/api/v1/write');
  assert.deepEqual(
    moved.tasks.map((task) => [task.plugin, task.target]),
    [
      ['ping', '127.0.0.1'],
      ['http', 'http://127.0.0.1:19872/-/healthy'],
      ['scrape-exporter', 'http://127.0.0.1:19872/metrics'],
    ],
  );
});

test('the JSON Schema for editors', () => {
  type Node = { properties: Record<string, Node>; [key: string]: unknown };
  const schema = renderJsonSchema(configSchema) as Node;
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(Object.keys(schema.properties), [
    ...Object.keys(SECTIONS),
    ...Object.keys(serverSections),
  ]);
  const { flush_interval: flush, order } = schema.properties.sender!.properties as {
    flush_interval: Node;
    order: Node;
  };
  assert.equal(flush.default, '5s');
  assert.match(String(flush.description), /collected/);
  const [text] = flush.anyOf as [{ pattern: string }];
  const f = (value: string, want: boolean) => assert.equal(new RegExp(text.pattern).test(value), want, value);
  f('5s', true);
  f('1h30m', true);
  f('${EVERY}', true);
  f('%{EVERY}', true);
  f('0', true);
  f('5', false);
  f('', false);
  f('1m1h', false);
  assert.deepEqual((order.anyOf as object[])[0], { enum: ['fifo', 'fresh_first'] });
});
