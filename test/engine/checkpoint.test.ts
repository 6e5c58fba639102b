import { deflateRawSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { evolve } from "../../src/core/evolve.ts";
import { checkpointOf, isCheckpointDue, stateAtCheckpoint } from "../../src/engine/checkpoint.ts";
import { judgeInBrief } from "../../src/judge/judge.ts";
import { decodeChain } from "../../src/ledger/chain.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import type { Entry } from "../../src/model/entry.ts";
import type { State } from "../../src/model/state.ts";
import { NAME, writtenLedger } from "./ledgers.ts";

/** The states that a ledger came through, and the entries after which it did. */
let steps: { entry: Entry; hash: string; before: State | undefined; state: State }[];
let ledger: StoredEntry[];
beforeAll(async () => {
  // So long that a hundredth entry is in it.
  ledger = await writtenLedger({ bake: 100 });
  let before: State | undefined;
  steps = decodeChain(NAME, ledger).map(({ entry, hash }) => {
    const state = evolve(before, entry, hash, judgeInBrief);
    const step = { entry, hash, before, state };
    before = state;
    return step;
  });
});

const carrying = () => steps.filter(({ entry }) => entry.checkpoint);

describe("an entry carries the state after it", () => {
  test("where it changes the stage, ends the run, or is the hundredth, and nowhere else", () => {
    const due = steps.filter(({ before, state }) => isCheckpointDue(before, state)).map(({ entry }) => entry.seq);
    expect(carrying().map(({ entry }) => entry.seq)).toEqual(due);
    const moved = steps.filter(({ entry }) => entry.kind === "applied").map(({ entry }) => entry.seq);
    expect(due.filter((seq) => !moved.includes(seq))).toEqual([100, ledger.length]);
    expect(moved.filter((seq) => !due.includes(seq))).toEqual([]);
  });

  test("as it is when all entries up to it are folded, evidence and all, once it was stored", () => {
    for (const { entry, hash, state } of carrying()) {
      const stored = JSON.parse(JSON.stringify(state)) as State;
      expect(stateAtCheckpoint(entry, hash, true)).toEqual(stored);
      // Whoever only shows it does without what the judge remembers.
      expect(stateAtCheckpoint(entry, hash, false)).toEqual({ ...stored, evidence: {} });
    }
    expect(carrying().some(({ state }) => Object.keys(state.evidence).length > 1)).toBe(true);
  });

  test("without its place in the ledger, which is in the bytes that it is a part of", () => {
    const { state } = checkpointOf(steps.at(-1)!.state);
    expect(state).not.toHaveProperty("head");
    expect(state).not.toHaveProperty("checkpointAt");
  });

  test("and every entry after it names it", () => {
    let last: number | undefined;
    for (const { entry } of steps) {
      expect(entry.checkpointAt).toBe(last);
      if (entry.checkpoint) last = entry.seq;
    }
  });
});

describe("a checkpoint is not taken for a state", () => {
  const change = (changes: object): Entry => {
    const { entry } = carrying()[0]!;
    return { ...entry, checkpoint: { ...entry.checkpoint!, ...changes } };
  };

  test.each<[string, () => Entry]>([
    ["where there is none", () => steps[0]!.entry],
    ["of another format", () => change({ format: 2 })],
    ["that lacks a part", () => change({ state: { ...carrying()[0]!.entry.checkpoint!.state, plan: undefined } })],
    ["that has a part too many", () => change({ state: { ...carrying()[0]!.entry.checkpoint!.state, head: undefined, more: 1 } })],
    ["that is something else", () => change({ state: {} })],
    ["whose packed part is broken", () => change({ evidence: "AAAA" })],
    ["whose packed part is missing", () => change({ evidence: undefined })],
    ["whose packed part is no evidence", () => change({ evidence: deflateRawSync("[1]").toString("base64") })],
  ])("%s", (_, make) => {
    expect(stateAtCheckpoint(make(), "0".repeat(64), true)).toBeUndefined();
  });

  test("and says its own place, whatever stands in it", () => {
    const { entry, hash } = carrying()[0]!;
    const lying = change({ state: { ...entry.checkpoint!.state, head: { seq: 7, hash: "f".repeat(64) }, checkpointAt: 1 } });
    expect(stateAtCheckpoint(lying, hash, true)).toMatchObject({ head: { seq: entry.seq, hash }, checkpointAt: entry.seq });
  });
});
