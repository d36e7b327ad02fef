export { createServiceNotifier, type ServiceNotifier } from './service-notifier.js';
