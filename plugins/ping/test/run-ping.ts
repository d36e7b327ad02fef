// Run as a process of its own: pings as the steps on the command line say, and prints a line of JSON per step.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../../src/sdk/index.js';
import { collect, openReal } from './kit.js';

/** One thing to do: a ping, or a command. */
export interface Step {
  ping?: Record<string, unknown>;
  timeoutMs?: number;
  /** Hold up the process for so long, just after the first packet was sent. */
  blockMs?: number;
  run?: string[];
}

/** What a step gave. */
export interface StepResult extends Partial<Result> {
  cpuMs?: number;
  warnings?: string[];
}

const steps = JSON.parse(process.argv[2] ?? '[]') as Step[];
const collectGarbage = (globalThis as { gc?: () => void }).gc;
const collecting = collectGarbage === undefined ? undefined : setInterval(collectGarbage, 5);

async function doStep(step: Step): Promise<StepResult> {
  if (step.run !== undefined) {
    execFileSync(step.run[0]!, step.run.slice(1));
    return {};
  }
  const running = collect(shared, step.ping ?? {}, step.timeoutMs);
  if (step.blockMs !== undefined) {
    await sleep(10);
    const untilMs = performance.now() + step.blockMs;
    while (performance.now() < untilMs);
  }
  return await running;
}

const warnings: string[] = [];
const shared = await openReal(1000, warnings);
process.stdout.write(`${JSON.stringify({ warnings })}\n`);
for (const step of steps) process.stdout.write(`${JSON.stringify(await doStep(step))}\n`);
clearInterval(collecting);
shared.close();
// No process.exit: what stays open would keep the process, and its test would see that.
