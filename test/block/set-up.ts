import type { DropCounter } from '../../src/block/encoder.js';
import type { RouteSettings } from '../../src/block/route.js';

/** A route without rules that takes plain samples only. */
export const PLAIN: Omit<RouteSettings, 'name' | 'batchSize' | 'flushIntervalMs'> = {
  relabel: [],
  sendExemplars: false,
  sendNativeHistograms: false,
};

/** For an encoder that must not leave anything out. */
export const NO_DROPS: DropCounter = {
  sample: (reason) => {
    throw new Error(`a sample is dropped: ${reason}`);
  },
  exemplars: (reason) => {
    throw new Error(`exemplars are dropped: ${reason}`);
  },
};
