// An agent that a test can kill: block, buffer and sender in a process of their own, a unique number each 5 ms. Each is told on stdout when it is made
// (`made NUMBER MS`) and once it is committed or delivered (`safe NUMBER MS`: that one and all before it).
import { systemClock } from '../../src/lib/index.js';
import { Delivery, destinationOf } from './set-up.js';

const [directory, url, first, commitIntervalMs] = process.argv.slice(2);
// The receiver shares its process with the test: given up too early, a block would come twice.
const destination = destinationOf(url!, { order: 'fresh_first', timeoutMs: 2000 });
const delivery = await Delivery.start({ after: () => undefined }, directory!, [destination], {
  buffer: { commitIntervalMs: Number(commitIntervalMs) },
});
let number = Number(first) - 1;

const tell = (what: string, which: number) =>
  process.stdout.write(`${what} ${which} ${systemClock.monotonic()}\n`);

// A block holds all numbers that were made before it: it is sealed by the last of them, or by a timer.
delivery.buffer.onPush(() => {
  const last = number;
  void delivery.buffer.safe().then(() => tell('safe', last));
});

function produce(): void {
  number++;
  tell('made', number);
  delivery.push(number);
  timer = systemClock.after(5, produce);
}

let timer = systemClock.after(0, produce);
process.once('SIGTERM', () => {
  timer.cancel();
  void delivery.stop().then(() => process.exit(0));
});
