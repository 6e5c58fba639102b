import { expect } from "vitest";
import { readLedger, type ReadEntry } from "../../src/engine/read.ts";
import { judge, judgeInBrief } from "../../src/judge/judge.ts";
import type { EntryData } from "../../src/model/entry.ts";
import type { Plan } from "../../src/model/plan.ts";
import { mendName } from "../../src/plan/suggest.ts";
import { observeLedger } from "../../src/simulate/ledgerObservations.ts";
import { observationReader } from "../../src/simulate/observation.ts";
import { beginReplay, type Replayed } from "../../src/simulate/replay.ts";
import { rowReader, type Row } from "../../src/simulate/rows.ts";
import { seriesFor } from "../../src/simulate/series.ts";
import type { World } from "../support/world.ts";

/** What a replay decided, look by look, and what it came to. */
export interface Replayal {
  looks: EntryData["look"][];
  replayed: Replayed;
}

/** Replays the lines of one series. */
export function replay(plan: Plan, lines: readonly string[]): Replayal {
  const looks: EntryData["look"][] = [];
  const { read } = rowReader();
  const observe = observationReader(plan, mendName);
  const series = seriesFor(plan);
  const run = beginReplay(plan, judge, { onLook: ({ data }) => looks.push(data) });
  const events = lines.flatMap((line) => {
    const row = read(line);
    return typeof row === "object" ? series.add(observe(row)) : [];
  });
  for (const event of [...events, ...series.end()]) {
    const replayed = run.take(event);
    if (replayed) return { looks, replayed };
  }
  return { looks, replayed: run.end() };
}

export const lineOf = (row: Row): string => JSON.stringify(row);

/** The ledger of a world, exported run by run. */
export async function exported(world: World): Promise<{ entries: ReadEntry[]; lines: Map<string, string[]>; warnings: string[] }> {
  const { store } = world.runner("reader").engine;
  const observer = observeLedger(judge.version);
  const entries: ReadEntry[] = [];
  const lines = new Map<string, string[]>();
  for await (const entry of readLedger(store, "checkout", judgeInBrief)) {
    entries.push(entry);
    for (const row of observer.take(entry)) lines.set(String(row["series"]), [...(lines.get(String(row["series"])) ?? []), lineOf(row)]);
  }
  return { entries, lines, warnings: observer.warnings() };
}

/** Expects that the replay of a run's export judges and decides each look as the ledger says; gives how many there are. */
export async function expectSameDecisions(world: World, plan: Plan, run = 1): Promise<number> {
  const { entries, lines } = await exported(world);
  const recorded = entries.flatMap(({ entry, state }) => (entry.kind === "look" && entry.run === run ? [{ data: entry.data, state }] : []));
  const { looks } = replay(plan, lines.get(`checkout/${run}`)!);
  expect(looks.length).toBeGreaterThan(0);
  for (const [index, { decision, gates, verdicts, goals, splitChecks, evidence }] of looks.entries()) {
    const { data, state } = recorded[index]!;
    expect({ look: index, decision, gates, verdicts, goals, splitChecks }).toEqual({
      look: index,
      decision: data.decision,
      gates: data.gates,
      verdicts: data.verdicts,
      goals: data.goals,
      splitChecks: data.splitChecks,
    });
    expect(JSON.parse(JSON.stringify(state.evidence))).toMatchObject(JSON.parse(JSON.stringify(evidence)));
  }
  return looks.length;
}
