/**
 * What may make counts vary by more than chance. Which of these it is, is not assumed but learned as the looks come in
 * (`noisyMixture.ts`).
 */
export type Noise =
  /** Every event by itself: binomial, or Poisson. */
  | { readonly kind: "none" }
  /** At every look each group's rate is multiplied by gamma noise of its own, of mean 1 and this variance. */
  | { readonly kind: "gamma"; readonly variance: number }
  /** Events come in clusters, so that the variance of a count is this many times its mean. */
  | { readonly kind: "clusters"; readonly size: number };

const gammas = [0.02, 0.08, 0.25, 0.6, 1.5];
const clusters = [2, 4, 8, 16, 32, 64];

/** The twelve kinds. Their order is that of every list by kind, and is kept in ledgers. */
export const NOISES: readonly Noise[] = [
  { kind: "none" },
  ...gammas.map((variance) => ({ kind: "gamma", variance }) as const),
  ...clusters.map((size) => ({ kind: "clusters", size }) as const),
];

/** How likely each kind is before there are any data: .45 for none, .05 for each other. They sum to 1. */
export const NOISE_PRIOR: readonly number[] = NOISES.map(({ kind }) => (kind === "none" ? 0.45 : 0.05));

/** How likely a kind is after what was seen. */
export interface LearnedNoise {
  readonly noise: Noise;
  readonly probability: number;
}

/** A kind for people: `no noise beyond chance`, `rates that vary by 50% from look to look`, `events in clusters of about 8`. */
export function noiseInWords(noise: Noise): string {
  switch (noise.kind) {
    case "none":
      return "no noise beyond chance";
    case "gamma":
      return `rates that vary by ${Math.round(100 * Math.sqrt(noise.variance))}% from look to look`;
    case "clusters":
      return `events in clusters of about ${noise.size}`;
    default:
      return noise satisfies never;
  }
}
