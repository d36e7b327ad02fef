import {
  type Alias,
  type Document,
  isAlias,
  isNode,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';

/** Something wrong at a place of the text. Never holds a part of the text: it may be a secret. */
export interface SyntaxFault {
  offset: number;
  message: string;
}

/** A parsed file. */
export interface ParsedYaml {
  root: Node | null;
  schema: Document['schema'];
  /** What each alias stands for. */
  targets: ReadonlyMap<Alias, Node>;
  lines: LineCounter;
  faults: readonly SyntaxFault[];
}

/** Parses YAML 1.2. Never throws: see `faults`. Duplicate keys are not looked for here, because yaml's own search is quadratic. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error', // With 'silent' a second document is no error.
  });
  const faults = [...document.errors, ...document.warnings]
    .sort((a, b) => a.pos[0] - b.pos[0])
    .filter((error, i, all) => !isConsequence(error, all[i - 1]) && !isVariable(error, text))
    .map((error) => ({ offset: offsetOf(error, document), message: messageOf(error, text) }));
  const targets = new Map<Alias, Node>();
  const root = isNode(document.contents) ? document.contents : null;
  if (text.includes('*')) faults.push(...resolveAliases(document, targets));
  return { root, schema: document.schema, targets, lines, faults };
}

/** One stray character makes every token behind it unexpected; one line that is indented too deep is two faults to the parser. */
function isConsequence(error: YAMLError, before: YAMLError | undefined): boolean {
  if (before?.code === 'BLOCK_AS_IMPLICIT_KEY' && error.code === 'MULTILINE_IMPLICIT_KEY') return true;
  return error.code === 'UNEXPECTED_TOKEN' && before !== undefined && before.code !== 'TAG_RESOLVE_FAILED';
}

/** `key: %{NAME}` is no YAML, because of the %, but it is how vmagent writes variables. */
function isVariable(error: YAMLError, text: string): boolean {
  return (
    error.code === 'BAD_SCALAR_START' && /^%\{[A-Za-z_]/.test(text.slice(error.pos[0], error.pos[0] + 3))
  );
}

const isOpenQuote = (error: YAMLError) =>
  error.code === 'MISSING_CHAR' && /^Missing closing/.test(error.message);

/** A text without its closing quote ends far from the place that must be mended: where it opens. */
function offsetOf(error: YAMLError, document: Document): number {
  let [offset] = error.pos;
  if (isOpenQuote(error))
    visit(document, {
      Scalar(_key, { range, type }) {
        if (type?.startsWith('QUOTE') && range && range[0] < error.pos[0] && error.pos[0] <= range[2])
          offset = range[0];
      },
    });
  return offset;
}

function messageOf(error: YAMLError, text: string): string {
  const [at] = error.pos;
  if (error.code === 'UNEXPECTED_TOKEN' && /^[$%]\{/.test(text.slice(Math.max(at - 1, 0), at + 1)))
    return 'a variable inside { } or [ ] must stand in quotes';
  if (isOpenQuote(error)) return 'this text has no closing quote';
  if (error.code === 'MULTILINE_IMPLICIT_KEY') return 'a key needs a colon and a space behind it';
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY')
    return 'a value and keys below it; check the indentation, and quote a text that holds ": "';
  if (error.message === 'Sequence item without - indicator' || /same column$/.test(error.message))
    return 'the indentation does not fit the lines above';
  if (error.code === 'RESOURCE_EXHAUSTION') return 'nested too deep';
  if (error.code === 'MULTIPLE_DOCS') return 'the file holds more than one document; remove the second ---';
  if (error.code === 'TAG_RESOLVE_FAILED')
    return 'unknown tag; a text that starts with ! must stand in quotes';
  if (error.code === 'BAD_DQ_ESCAPE')
    return 'unknown escape sequence; write a text with backslashes in single quotes';
  // Some messages end in the text that was found.
  return error.message.replace(/: .*/s, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}

function resolveAliases(document: Document, targets: Map<Alias, Node>): SyntaxFault[] {
  const faults: SyntaxFault[] = [];
  const anchors = new Map<string, Node>();
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
      else
        faults.push({
          offset: node.range?.[0] ?? 0,
          message: 'this alias has no anchor before it; a text that starts with * must stand in quotes',
        });
    },
  });
  return faults;
}
