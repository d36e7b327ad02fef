/** Targets that share labels, as a discovery gives them. */
export interface TargetGroup {
  /** Which group of its discovery it is: one of the same source takes its place. */
  source: string;
  /** Labels of each target, `__address__` among them. */
  targets: readonly Readonly<Record<string, string>>[];
  /** Labels of all of them, where the target does not have the label itself. */
  labels: Readonly<Record<string, string>>;
}
