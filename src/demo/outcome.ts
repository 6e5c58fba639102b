import type { Random } from "./random.ts";

/** What can be wrong with the new path. */
export type BreakMode = "errors" | "latency";

/** A request that took longer than this, in milliseconds, was slow. */
export const SLOW = 300;

const ERROR_RATE = 0.01;
const SLOW_RATE = 0.02;
const BROKEN_ERROR_RATE = 0.25;
const BROKEN_SLOW_RATE = 0.3;

/** How one request goes. */
export interface Outcome {
  failed: boolean;
  /** What it would have taken; nobody waits for it. */
  milliseconds: number;
}

/** Draws how a request goes on a path that is sound, or broken. It always draws as many numbers, so that a sequence stays in step. */
export function drawOutcome(random: Random, broken: BreakMode | undefined): Outcome {
  const failed = random() < (broken === "errors" ? BROKEN_ERROR_RATE : ERROR_RATE);
  const slow = random() < (broken === "latency" ? BROKEN_SLOW_RATE : SLOW_RATE);
  const part = random();
  return { failed, milliseconds: Math.round(slow ? SLOW + 1 + part * 900 : 40 + part * (SLOW - 100)) };
}
