import type { StepResult } from "../app.ts";

/** The exit status of a step. `detailed` tells the kinds of "nothing is wrong" apart. */
export function exitStatusOf({ result, state, look }: StepResult, detailed: boolean): number {
  const fine = (status: number) => (detailed ? status : 0);
  switch (result.outcome) {
    case "rolledBack":
    case "finishedRollback":
      return 3;
    case "paused":
      return 4;
    case "advanced":
    case "complete":
      return 0;
    case "holding":
    case "pausedBefore":
      // It looked and guarded, but the flag system did not answer.
      if (look?.data.flag.kind === "unreadable") return 5;
      return fine(result.outcome === "holding" ? 20 : 24);
    case "lost":
    case "abandoned":
      return fine(22);
    case "ended":
      return state.end?.outcome === "complete" ? 0 : fine(23);
    default:
      return result satisfies never;
  }
}
