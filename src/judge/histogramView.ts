/** The histogram that a limit is about. */
export interface HistogramView {
  readonly metricName: string;
  readonly unit: string | undefined;
  /** The upper bounds of its buckets but the last, ascending. */
  readonly bounds: readonly number[];
}

/** Bounds as a short text: what was counted in other buckets, as many as they may be, is nothing to go on from. */
export function boundsText(bounds: readonly number[]): string {
  // FNV-1a over the numbers as text.
  let hash = 0x811c9dc5;
  for (const character of bounds.join(" ")) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return `${bounds.length} bounds ${(hash >>> 0).toString(36)}`;
}
