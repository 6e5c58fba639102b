import type { Groups } from "../stats/ratio.ts";
import type { Memory, Test } from "./sequential.ts";

const MOST_REQUESTS = 1e9;
const MOST_TIMES = 1000;

/**
 * About how many more treated requests it takes until one side's evidence reaches the threshold, if the rates stay what
 * they are in `sums`; nothing where a thousand times as many would not do. The test itself is run ahead, in one step.
 */
export function requestsToGo(
  test: Test,
  memory: Memory,
  sums: Groups,
  side: "harm" | "within",
  alpha: number,
  threshold: number,
): number | undefined {
  const { treatment, control } = sums;
  const requests = treatment.total + control.total;
  if (treatment.total === 0) return undefined;
  const logE = test.ahead(memory, side, alpha);
  const reached = (scale: number): boolean =>
    logE({
      treatment: { events: treatment.events * scale, total: treatment.total * scale },
      control: { events: control.events * scale, total: control.total * scale },
    }) >= threshold;
  let enough = 1 / 16;
  while (!reached(enough)) {
    enough *= 2;
    if (enough > MOST_TIMES || enough * requests > MOST_REQUESTS) return undefined;
  }
  let short = 0;
  for (let round = 0; round < 8; round++) {
    const middle = (short + enough) / 2;
    if (reached(middle)) enough = middle;
    else short = middle;
  }
  return Math.max(1, Math.ceil(enough * treatment.total));
}
