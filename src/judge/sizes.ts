import type { Sizes } from "./method.ts";

/** What would take more than a thousand times what there was is not worth a number. */
const MOST_TIMES = 1000;

/** Treated requests, whole; numbers that say nothing are left out. `seen` is how many there were. */
export function sizesOf(seen: number, needs: number, more: number): Sizes {
  return {
    ...(needs > 0 && Number.isFinite(needs) && { needs: Math.ceil(needs) }),
    ...(more > 0 && more <= seen * MOST_TIMES && { more: Math.ceil(more) }),
  };
}
