/**
 * Holm's adjusted p-values (Holm 1979, "A simple sequentially rejective multiple test procedure"), in the order given:
 * the i-th smallest of k times k + 1 − i, never below those before it and at most 1. Rejecting where the adjusted p is
 * at most α keeps the chance of any false rejection at most α, whatever the dependence.
 *
 * For tests that are asked once, of a goal or at the end of a stage. A rollback on any of several guardrails has its α
 * divided beforehand instead, since it has to be decided before the other p-values are known.
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, index) => index).sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = Array<number>(ps.length).fill(0);
  let largest = 0;
  for (const [place, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, ps[index]! * (ps.length - place)));
    adjusted[index] = largest;
  }
  return adjusted;
}
