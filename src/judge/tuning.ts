/** Tuning a test is defined for a small chance of a false alarm only; that it is valid does not depend on it. */
export function tuningAlpha(alpha: number): number {
  return Math.min(alpha, 0.2);
}
