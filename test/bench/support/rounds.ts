/** Does its work once and returns how long that took, in milliseconds; what is not to be counted it leaves out. */
export type Side = () => Promise<number>;

/** The median of each side. All take part in every round, another one going first each time, so that whatever drifts meets all alike. */
export async function alternate<Name extends string>(rounds: number, sides: Record<Name, Side>): Promise<Record<Name, number>> {
  const names = Object.keys(sides) as Name[];
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]!;
      times.get(name)!.push(await sides[name]());
    }
  }
  return Object.fromEntries([...times].map(([name, each]) => [name, median(each)])) as Record<Name, number>;
}

export async function timeOf(work: () => unknown): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** How long ours takes, and a line for each of the others: how long, and how many times as long ours takes. */
export function print(what: string, { ours, ...others }: { ours: number } & Record<string, number>): void {
  line(what, ours);
  for (const [name, time] of Object.entries(others)) line(`  ${name}`, time, `   ratio ${(ours / time).toFixed(2)}`);
}

function line(what: string, time: number, ratio = ""): void {
  console.log(`${what.padEnd(50)} ${time.toFixed(2).padStart(8)} ms${ratio}`);
}

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
