import { fitAfter, MARGIN_ALONE, NO_OFFSET } from "./noisyMixture.ts";
import { NOISES } from "./noise.ts";
import { noisySplit } from "./noisySplit.ts";
import type { Counts } from "./ratio.ts";

/**
 * What the control's own movement says about the noise: each look of the control against the earlier ones of its block
 * of five, as two groups between which there can be no harm.
 */
export interface ControlHistory extends Counts {
  /** ln A_i by kind, relative to the likeliest. */
  readonly fit: readonly number[];
  /** Looks in the block so far; `events` and `total` are its sums. */
  readonly looks: number;
}

const BLOCK = 5;
/**
 * The control may re-weigh the noise prior by at most e³: a treatment noisier than the control, or noise that both
 * groups share, cannot mislead it for long.
 */
const FLOOR = -3;

const logs = new Float64Array(NOISES.length);

/** Before the first look. */
export function beginControlHistory(): ControlHistory {
  return { fit: NOISES.map(() => 0), looks: 0, events: 0, total: 0 };
}

/**
 * A_i ← A_i · P_i(x | x + X) at the log-odds ln(n/N), X of N being the block so far. The mean of j looks is less noisy
 * than one, so that gamma noise has (1 + 1/j)/2 of its variance.
 */
export function stepControlHistory(history: ControlHistory, { events, total }: Counts): ControlHistory {
  if (total <= 0) return history;
  let { fit } = history;
  if (history.looks > 0) {
    noisySplit(events, events + history.events, Math.log(total / history.total), NO_OFFSET, (1 + 1 / history.looks) / 2, logs);
    fit = fitAfter(fit, { logs, columns: MARGIN_ALONE });
  }
  if (history.looks + 1 === BLOCK) return { fit, looks: 0, events: 0, total: 0 };
  return { fit, looks: history.looks + 1, events: history.events + events, total: history.total + total };
}

/** ln A_i by kind, relative to the likeliest and not below −3. */
export function knownFromControl({ fit }: ControlHistory): number[] {
  return fit.map((log) => Math.max(FLOOR, log));
}
