import { seededRandom } from "../../src/demo/random.ts";

/**
 * How many faults a run of the tests injects. In CI a sample of all that could be, the same in every run; `npm run faults`
 * injects them all, and `FAULTS_SEED=1234 npm test` draws another sample.
 */

/** Whether all faults are injected, however long that takes. */
export const LONG = process.env["FAULTS"] === "long";

export const SEED = Number(process.env["FAULTS_SEED"] ?? 1);

/** What to say with a failure, so that it can be had again. */
export const AGAIN = `FAULTS_SEED=${SEED}`;

/** So many of the items at random, in their order; all of them in the long form. */
export function sampleOf<T>(items: readonly T[], most: number): T[] {
  if (LONG || items.length <= most) return [...items];
  const random = seededRandom(SEED);
  const drawn = items.map((item, index) => ({ item, index, lot: random() })).toSorted((a, b) => a.lot - b.lot);
  return drawn
    .slice(0, most)
    .toSorted((a, b) => a.index - b.index)
    .map(({ item }) => item);
}

/** Says how much was injected, where it can be read in the output of a run: what of how many there could be. */
export function tellInjected(what: string, injected: number, possible: number = injected): void {
  const drawn = injected === possible ? "all" : `of ${possible}, ${AGAIN}`;
  process.stdout.write(`faults: ${what}: ${injected} (${drawn})\n`);
}
