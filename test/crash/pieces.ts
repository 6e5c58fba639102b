import type { Random } from "../stats/random.ts";
import type { Decide, Fate, Proxy } from "../support/proxy.ts";

/** A fault of a connection at one piece of what goes over it. */
export interface PieceFault {
  what: string;
  /** Lets it happen in a proxy when so many pieces have gone by; says later whether it did. */
  arm(proxy: Proxy): () => boolean;
}

const SIDES = ["toServer", "toClient"] as const;
type Side = (typeof SIDES)[number];

/** What becomes of a piece: it never leaves, half of it does, all of it does and nothing after it; it comes late; silence. */
const FATES: Record<string, (bytes: Buffer) => Fate | Promise<Fate>> = {
  "cut before": () => "cut",
  "cut within": (bytes) => Math.floor(bytes.length / 2),
  "cut after": () => "cutAfter",
  late: () => new Promise((resolve) => setTimeout(() => resolve("on"), 300)),
  "silent from": () => "dropped",
};

/** Counts the pieces that go through a proxy from now on, on either side; then every fault that there is for them. */
export function watchPieces(proxy: Proxy): { faults(options: { silence: boolean }): PieceFault[] } {
  const counts: Record<Side, number> = { toServer: 0, toClient: 0 };
  for (const side of SIDES) {
    proxy[side] = () => {
      counts[side]++;
      return "on";
    };
  }
  return {
    faults: ({ silence }) =>
      SIDES.flatMap((side) =>
        Array.from({ length: counts[side] }, (_, index) => index + 1).flatMap((nth) =>
          Object.entries(FATES)
            .filter(([name]) => silence || name !== "silent from")
            .map(([name, fate]) => faultAt(side, nth, { name, fate })),
        ),
      ),
  };
}

function faultAt(side: Side, nth: number, { name, fate }: { name: string; fate: Decide }): PieceFault {
  return {
    what: `${name} piece ${nth} ${side === "toServer" ? "to the server" : "to the runner"}`,
    arm(proxy) {
      let left = nth;
      proxy.toServer = proxy.toClient = () => "on";
      proxy[side] = (bytes) => (--left === 0 ? fate(bytes) : "on");
      return () => left <= 0;
    },
  };
}

/** So many of all faults, by chance. */
export function someOf<T>(list: readonly T[], most: number, random: Random): T[] {
  const drawn = list.map((each) => ({ each, key: random.uniform() })).toSorted((a, b) => a.key - b.key);
  return drawn.slice(0, most).map(({ each }) => each);
}
