// An agent that a test can kill: block, buffer and sender in a process of their own, a unique number each 5 ms, told on stdout with its time.
import { systemClock } from '../../src/lib/index.js';
import { Delivery, destinationOf } from './set-up.js';

const [directory, url, first, commitIntervalMs] = process.argv.slice(2);
const destination = destinationOf(url!, { order: 'fresh_first', timeoutMs: 300 });
const delivery = await Delivery.start({ after: () => undefined }, directory!, [destination], {
  buffer: { commitIntervalMs: Number(commitIntervalMs) },
});
let number = Number(first);

function produce(): void {
  delivery.push(number);
  process.stdout.write(`${number++} ${systemClock.now()}\n`);
  timer = systemClock.after(5, produce);
}

let timer = systemClock.after(0, produce);
process.once('SIGTERM', () => {
  timer.cancel();
  void delivery.stop().then(() => process.exit(0));
});
