/** How one entry of an owner's discoveries is doing. */
export interface DiscoveryStatus {
  kind: 'static' | 'file' | 'http' | 'dns';
  /** What it asks: the URL without secrets, the files, the names. */
  what: string;
  /** Targets that it gives now. */
  targets: number;
  /** Wall clock of the last good answer, ms; `undefined` before the first. Always now for static ones. */
  lastSuccessMs: number | undefined;
  /** What was wrong with the last answer, when it was not good: the targets are those of the one before. */
  lastError: string | undefined;
}
