import { createHash } from 'node:crypto';

/** The one style sheet: system fonts, dark where the browser is. */
export const STYLE = `
:root { color-scheme: light dark; --line: #8886; --soft: #888; --ok: #1a7f37; --bad: #c62828; --warn: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --ok: #3fb950; --bad: #ff7b72; --warn: #d29922; } }
body { font: 15px/1.4 system-ui, sans-serif; margin: 1rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 1.5rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; white-space: nowrap; }
.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
.soft { color: var(--soft); }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .4rem 0; }
.ok { color: var(--ok); } .bad { color: var(--bad); } .warn { color: var(--warn); }
form { margin: .3rem 0; }
`;

const hash = createHash('sha256').update(STYLE, 'utf8').digest('base64');

/** What a browser may do with the page: show it with this style sheet, and send its form back. Nothing is loaded, nothing runs, nobody frames it. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
