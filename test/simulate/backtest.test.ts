import { describe, expect, test } from "vitest";
import { backtestSchema, type BacktestReport } from "../../src/report/backtest.schema.ts";
import { randomFor } from "../../src/simulate/random.ts";
import { runProgram, SCRIPT } from "../support/cli.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";
import { RATE, REQUESTS } from "./scripts.ts";

const SHARES = [0.01, 0.05, 0.25, 0.5];

/** What a shop measured in an hour that went up the stages, its treatment so many times as bad as its control. */
function history(series: string, times: number, looks = 60): object[] {
  const random = randomFor(`a history, ${series}`);
  return Array.from({ length: looks }, (_, look) => {
    const share = SHARES[Math.floor(look / 15)]!;
    const at = new Date(Date.UTC(2026, 0, 1, 0, look + 1)).toISOString();
    return (["treatment", "control"] as const).map((group) => {
      const [part, rate] = group === "treatment" ? [share, RATE * times] : [1 - share, RATE];
      const total = Math.round(REQUESTS * part);
      return { series, at, metric: "errors", group, events: random.binomial(total, rate), total };
    });
  }).flat();
}

const plan = planTree("http://127.0.0.1:1", {
  guardrails: [
    { metric: "errors", max: "1%" },
    { metric: "errors", maxIncrease: "20%" },
  ],
  policy: { onBlind: "advance" },
  stages: ["1%", "5%", "25%", "50%"].map((expose) => ({ expose, bake: "15m" })),
});

async function scenery(lines: readonly object[]) {
  const scene = await makeScene(plan);
  await scene.write("observations.jsonl", jsonl(lines));
  return scene;
}

const jsonl = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

function reportsIn(stdout: string): BacktestReport[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => backtestSchema.parse(JSON.parse(line)));
}

const BACKTEST = ["backtest", "plan.yaml", "--observations", "observations.jsonl"];

describe("backtest", () => {
  test("tells for each series when the plan would have acted, and why", async () => {
    const scene = await scenery([...history("well", 1), ...history("ill", 10), ...history("short", 1, 20)]);
    const { status, stdout } = await scene.call(...BACKTEST, "--json");
    expect(status).toBe(0);
    const [well, ill, short] = reportsIn(stdout);
    expect(well).toMatchObject({
      series: "well",
      outcome: "complete",
      look: 60,
      stage: "50%",
      at: "2026-01-01T01:00:00.000Z",
      verdict: null,
    });
    expect(ill).toMatchObject({
      series: "ill",
      outcome: "rolledBack",
      cause: "breach",
      stage: "1%",
      verdict: { verdict: "breach", guardrail: ill!.guardrail, counts: { treatment: { total: 60 * ill!.look } } },
    });
    expect(short).toMatchObject({ series: "short", outcome: "unfinished", look: 20, stage: "5%", cause: null, guardrail: null });
    expect(short!.sentence).toMatch(/^baked 5 min of 15 min measured$/);
  });

  test("for people, says how many came to what, and tells of those that acted", async () => {
    const scene = await scenery([...history("well", 1), ...history("ill", 10)]);
    const { status, stdout } = await scene.call(...BACKTEST);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^checkout {2}2 series, 120 looks$/m);
    expect(stdout).toMatch(/^ {2}rolled back +1 +50%$/m);
    expect(stdout).toMatch(/^ill {2}rolled back at 1%, look \d+, 2026-01-01 00:\d\d:00Z\n {2}errors max.*: errors are /m);
    expect(stdout).not.toMatch(/^well/m);
  });

  test("does not mind in which order series are interleaved, nor whether it is JSON or CSV", async () => {
    const [well, ill] = [history("well", 1), history("ill", 10)];
    const scene = await scenery([...well, ...ill]);
    await scene.write("interleaved.jsonl", jsonl(well.flatMap((line, index) => [line, ill[index]!])));
    const columns = ["series", "at", "metric", "group", "events", "total"];
    const cells = [...well, ...ill].map((line) => columns.map((column) => (line as Record<string, unknown>)[column]).join(","));
    await scene.write("observations.csv", [columns.join(","), ...cells].join("\r\n"));
    const one = await scene.call(...BACKTEST, "--json");
    for (const other of ["interleaved.jsonl", "observations.csv"]) {
      expect(await scene.call(...BACKTEST.slice(0, 3), other, "--json"), other).toEqual(one);
    }
  });

  test("a file that is large enough for threads, or comes from stdin, is judged the same", async () => {
    const all = Array.from({ length: 24 }, (_, index) => history(`r${index}`, index % 4 === 0 ? 3 : 1));
    const scene = await scenery(all.flat());
    const inHere = await scene.call(...BACKTEST, "--json");
    expect(await scene.rollout(...BACKTEST, "--json")).toEqual(inHere);
    const pipe = `${process.execPath} ${SCRIPT} backtest plan.yaml --observations - --json < observations.jsonl`;
    expect(await runProgram("/bin/sh", ["-c", pipe], { cwd: scene.folder })).toEqual(inHere);
    expect(reportsIn(inHere.stdout).map(({ series }) => series)).toEqual(all.map((_, index) => `r${index}`));
  });

  test("a wrong line is told with its number and what to do, wherever it is, and nothing else is said", async () => {
    const wrong = history("well", 1);
    wrong[70] = { ...wrong[70], metric: "eror" };
    const scene = await scenery(wrong);
    expect(await scene.call(...BACKTEST)).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/error: observations\.jsonl:71: the plan has no metric "eror"\nhint: did you mean `errors`\?\n$/),
    });
  });

  test.each<[string, string]>([
    ["", "there are no observations in observations.jsonl"],
    ["\n\n", "there are no observations in observations.jsonl"],
    ["at,metric,group,events,total\n", "there are no observations in observations.jsonl"],
    [`{"at":"${"x".repeat(2 ** 21)}`, "observations.jsonl:1: the line has more than 1048576 characters"],
  ])("a file of nothing, or without lines, is refused (%#)", async (content, message) => {
    const scene = await scenery([]);
    await scene.write("observations.jsonl", content);
    expect(await scene.call(...BACKTEST)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(message) });
  });

  test("what cannot be read is refused: no file, a folder, a plan that is not valid", async () => {
    const scene = await scenery(history("well", 1, 2));
    for (const [file, message] of [
      ["nowhere.jsonl", "there is no file nowhere.jsonl"],
      [".", ". is a folder"],
    ] as const) {
      expect(await scene.call(...BACKTEST.slice(0, 3), file)).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
    }
    await scene.write("plan.yaml", { ...plan, stages: [] });
    expect(await scene.call(...BACKTEST)).toMatchObject({ status: 2, stdout: "" });
  });

  test("says which guardrails had no data, as their metric is nowhere in a series", async () => {
    const [well, blind] = [history("well", 1, 5), history("blind", 1, 5)];
    const scene = await scenery([
      ...well,
      ...blind.map((line) => ({ ...line, metric: "errors", events: null, total: null, group: null, status: "noData" })),
    ]);
    const { status, stderr } = await scene.call(...BACKTEST);
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining(
        "warning: 1 of 2 series (blind) have no line with numbers of errors, so errors max 1%, errors maxIncrease 20% had no data there",
      ),
    ]);
  });
});

test("the export of a ledger that the command wrote is replayed by the command to what it did", async () => {
  const shop = await startShopPage();
  const scene = await makeScene(planTree(shop.url));
  for (const _ of Array.from({ length: 6 })) await scene.call("advance", "plan.yaml");
  const { status, stdout, stderr } = await scene.call("log", "export", "checkout", "--format", "observations");
  expect([status, stderr]).toEqual([0, ""]);
  await scene.write("observations.jsonl", stdout);
  const looks = (await scene.entries()).filter(({ kind }) => kind === "look");
  const replayed = await scene.call(...BACKTEST, "--json");
  expect(reportsIn(replayed.stdout)).toMatchObject([{ series: "checkout/1", outcome: "complete", look: looks.length, stage: "100%" }]);
  expect(await scene.call("log", "export", "plan.yaml", "--run", "1")).toMatchObject({ status: 0, stdout });
  expect(await scene.call("log", "export", "checkout", "--run", "2")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("has no run 2"),
  });
  expect(await scene.call("log", "export", "unknown")).toMatchObject({ status: 2 });
});
