export { createServiceNotifier } from './service-notifier.js';
