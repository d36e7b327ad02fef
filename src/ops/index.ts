export { createServiceNotifier, type ServiceNotifier } from './service-notifier.js';
export { keepHeapSmall } from './small-heap.js';
