import { field } from '../lib/index.js';

/** The `http` section. */
export const httpSection = field.section(
  "The agent's own pages: health, metrics, results.",
  {
    listen: field.refine(
      field.text('A loopback address as host:port, or unix:/path; "" turns it off.', {
        default: '127.0.0.1:9872',
        empty: true,
      }),
      (listen) => faultsOf(listen).map((message) => ({ path: [], message })),
    ),
  },
  { default: {} },
);

const FORM = 'expected host:port, unix:/path with an absolute path, or "" for off';

/** What is wrong with a place to listen on. There is no authentication yet, so only this host may reach it (DESIGN 10). */
function faultsOf(listen: string): string[] {
  if (listen === '') return [];
  if (listen.startsWith('unix:')) return /^unix:\/[^\0]*[^/\0]$/.test(listen) ? [] : [FORM];
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]/@?#\s]*):(\d{1,5})$/.exec(listen);
  if (match === null || Number(match[2]) > 65_535) return [FORM];
  if (isLoopback(match[1]!)) return [];
  return [
    'listening beyond loopback is refused, because there is no authentication yet; use 127.0.0.1:PORT, [::1]:PORT or unix:/path',
  ];
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host === '[::1]' || /^127(\.(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3}$/.test(host)
  );
}
