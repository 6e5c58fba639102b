import { test } from "vitest";
import { makeBeginnings, weather } from "./storm.ts";

test("scratch", { timeout: 600_000 }, async () => {
  const beginnings = await makeBeginnings();
  const from = Number(process.env.SEED ?? 0), n = Number(process.env.N ?? 200);
  const t0 = performance.now();
  const kinds = new Map<string, { n: number; seeds: string[] }>();
  for (let s = from; s < from + n; s++) for (const checked of [true, false]) {
    try { await weather(s, checked, beginnings); } catch (e) {
      const k = (e as Error).message.split("\n")[0]!.replace(/\d+/g, "#");
      const x = kinds.get(k) ?? { n: 0, seeds: [] }; x.n++; if (x.seeds.length < 6) x.seeds.push(s + (checked ? "c" : "u")); kinds.set(k, x);
      if (n === 1) console.log(checked, (e as Error).message, (e as Error).stack);
    }
  }
  console.log(((performance.now() - t0) / (2 * n)).toFixed(2), "ms each");
  for (const [k, v] of [...kinds].sort((a, b) => b[1].n - a[1].n)) console.log(v.n, k.slice(0, 200), v.seeds.join(" "));
});
