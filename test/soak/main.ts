import { soak } from './soak.js';

const print = (line: string) => void process.stdout.write(`${line}\n`);
const { looks, produced, missing, exitCode, growth } = await soak(
  Number(process.env.SOAK_SECONDS ?? 1800),
  print,
);
print(`first quarter ended at ${JSON.stringify(looks[Math.floor(looks.length / 4)])}`);
print(`last look ${JSON.stringify(looks.at(-1))}`);
print(
  `${produced} results produced, ${missing.length} missing, exit code ${exitCode}, ${growth.length === 0 ? 'nothing grew' : growth.join('; ')}`,
);
process.exitCode = missing.length === 0 && growth.length === 0 && exitCode === 0 ? 0 : 1;
