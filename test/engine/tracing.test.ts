import { test } from "vitest";
import { makeBeginnings, weather, trace } from "./storm.ts";

test("scratch2", { timeout: 600_000 }, async () => {
  const beginnings = await makeBeginnings();
  const checked = process.env.SEED!.endsWith("c");
  trace.on = true;
  try { await weather(parseInt(process.env.SEED!), checked, beginnings); console.log("OK"); } catch (e) { trace.lines.push((e as Error).message); }
  console.log(trace.lines.join("\n"));
});
