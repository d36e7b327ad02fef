import { setFlagsFromString } from 'node:v8';

/**
 * From now on the heap may grow to twice what lives in it before it is collected. V8 would let a small one grow to four times that, and what an agent holds
 * besides, in buffers, far more; measured with 200 targets of 540 series (test/bench/scrape), less of both memory and processor time. V8 looks at this at
 * each collection, and a version that no longer knew it would go on without; what must be said before V8 starts stands in the units and in bin/sentinel.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
