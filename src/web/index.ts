export { type DiscoveredRow, type DiscoveryPage, renderDiscoveryPage } from './discovery-page.js';
export { PAGE_HEADERS, type Paged } from './frame.js';
export { type RelabelPage, renderRelabelPage } from './relabel-page.js';
export { renderStatusPage, type StatusPage } from './status-page.js';
export { renderTargetsPage, type TargetRow, type TargetsPage } from './targets-page.js';
