export { renderStatusPage, STATUS_PAGE_HEADERS, type StatusPage } from './status-page.js';
