import { loadRelabelRules } from '../config/index.js';
import { errorLine } from '../lib/index.js';
import { type Labels, labelsToMap } from '../model/index.js';
import { compileRelabel, parseSeries, type RelabelStep } from '../relabel/index.js';
import { EXIT, usageError } from './exit.js';
import { type RulesToExplain, rulesOfJob } from './job-rules.js';
import { colorsOf, oneLine, print } from './terminal.js';

/** What `sentinel relabel` is called with. */
export interface RelabelOptions {
  explain: string;
  rules?: string;
  config?: string;
  job?: string;
  metric?: boolean;
  output: 'text' | 'json';
}

/** What went into the rules, and what became of it. */
interface Explanation {
  input: Labels;
  steps: readonly RelabelStep[];
  /** `undefined`: it was dropped. */
  output: Labels | undefined;
}

/** `sentinel relabel`: shows what each rule does to a target or a series. Exit code 1 when nothing is left of it. Throws SEN_USAGE, and SEN_CONFIG_INVALID with all that is wrong with the rules. */
export async function relabel(options: RelabelOptions): Promise<number> {
  const explanation = await explain(options);
  print(options.output === 'json' ? jsonOf(explanation) : textOf(explanation));
  return explanation.output === undefined ? EXIT.failed : EXIT.ok;
}

async function explain(options: RelabelOptions): Promise<Explanation> {
  const { rules, scheme, input } = await rulesOf(options);
  const steps = compileRelabel(rules, scheme).explain(input);
  const last = steps.at(-1);
  const output = last === undefined ? input : last.after;
  return { input, steps, output: output?.length === 0 ? undefined : output };
}

async function rulesOf({
  explain: text,
  rules,
  job,
  config,
  metric,
}: RelabelOptions): Promise<RulesToExplain> {
  const input = inputOf(text);
  if (job !== undefined) return rulesOfJob(job, input, { config, metric });
  if (rules === undefined) throw usageError('give --rules FILE, or -c FILE and --job NAME');
  return { rules: loadRelabelRules(rules, { env: process.env, cwd: process.cwd() }), scheme: 'utf8', input };
}

function inputOf(text: string): Labels {
  try {
    return parseSeries(text);
  } catch (error) {
    throw usageError(`--explain: ${errorLine(error)}`);
  }
}

function jsonOf({ input, steps, output }: Explanation): string {
  const mapOf = (labels: Labels | undefined) => (labels === undefined ? null : labelsToMap(labels));
  const report = {
    kept: output !== undefined,
    input: mapOf(input),
    output: mapOf(output),
    steps: steps.map(({ rule, applied, before, after }) => ({
      rule,
      applied,
      before: mapOf(before),
      after: mapOf(after),
    })),
  };
  return JSON.stringify(report, undefined, 2);
}

function textOf({ input, steps, output }: Explanation): string {
  const lines = steps.flatMap((step, i) => [`${i + 1}. ${oneLine(step.rule)}`, ...stepLines(step)]);
  return [`in    ${seriesText(input)}`, ...lines, `out   ${resultText(steps, output)}`].join('\n');
}

function resultText(steps: readonly RelabelStep[], output: Labels | undefined): string {
  const { green, red } = colorsOf(process.stdout);
  if (output !== undefined) return `${green('kept')} ${seriesText(output)}`;
  return steps.at(-1)?.after === undefined && steps.length > 0
    ? red('dropped')
    : `${red('dropped')}: no label is left`;
}

/** What a rule took away and put there. */
function stepLines({ applied, before, after }: RelabelStep): string[] {
  const { green, red, dim } = colorsOf(process.stdout);
  if (after === undefined) return [`   ${red('drops it')}`];
  if (!applied) return [`   ${dim('no change')}`];
  return [
    ...missing(before, after).map((line) => `   ${red(`- ${line}`)}`),
    ...missing(after, before).map((line) => `   ${green(`+ ${line}`)}`),
  ];
}

/** The labels of one that the other does not have, or has with another value. */
function missing(from: Labels, other: Labels): string[] {
  const known = labelsToMap(other);
  return Object.entries(labelsToMap(from))
    .filter(([name, value]) => known[name] !== value)
    .map(([name, value]) => labelText(name, value));
}

const labelText = (name: string, value: string) =>
  oneLine(`${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : JSON.stringify(name)}=${JSON.stringify(value)}`);

function seriesText(labels: Labels): string {
  const texts = Object.entries(labelsToMap(labels)).map(([name, value]) => labelText(name, value));
  return `{${texts.join(', ')}}`;
}
