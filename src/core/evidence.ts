/** By what the evidence of a look is found: of a guardrail by its id, of others by these. No id has a colon. */

export function goalKey(id: string): string {
  return `goal: ${id}`;
}

const SPLIT = "split: ";

export function splitKey(metric: string): string {
  return `${SPLIT}${metric}`;
}

export function isSplitKey(key: string): boolean {
  return key.startsWith(SPLIT);
}
