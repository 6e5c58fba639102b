import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { ENTRIES, only, type Entry } from "./catalogue.ts";
import { compare, REPRODUCED, type Comparison } from "./compare.ts";
import { figuresOf, summaryOf } from "./figures.ts";
import { isWorker, serveTasks, simulateAll, type Task } from "./pool.ts";
import type { Outcome } from "./simulate.ts";
import { asMarkdown, asText, comparisonTable, harmfulTables, harmlessTables, type Column } from "./tables.ts";

/** So many runs a task: small enough that no core idles at the end, large enough that handing them out costs nothing. */
const RUNS_A_TASK = 50;

if (isWorker) serveTasks();
else await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: "string", default: "1000" },
      seeds: { type: "string", default: "1,2,3,4,5" },
      only: { type: "string", multiple: true, default: [] },
      workers: { type: "string" },
      markdown: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  const [runs, seeds] = [Number(values.runs), values.seeds.split(",").map(Number)];
  const workers = values.workers === undefined ? availableParallelism() : Number(values.workers);
  const entries = only(ENTRIES, values.only);
  if (![runs, workers].every((count) => Number.isInteger(count) && count > 0) || !seeds.every(Number.isInteger)) {
    return complain("--runs, --seeds and --workers are whole numbers.");
  }
  if (entries.length === 0) return complain(`No rule and no scenario has a name with ${values.only.join(" or ")}.`);

  const began = performance.now();
  const tasks = entries.flatMap((entry) => seeds.flatMap((seed) => tasksOf(entry, seed, Math.ceil(runs * entry.share))));
  const outcomes = await simulateAll(tasks, workers);
  const columnsOf = (of: (task: Task) => boolean): Column[] =>
    entries.map((entry) => columnOf(entry, outcomesOf(entry, tasks, outcomes, of)));
  const columns = columnsOf(() => true);
  const comparisons = columns.flatMap(({ scenario, figures }) => [...figures].flatMap(([rule, each]) => compare(rule, scenario, each)));

  if (values.json !== undefined) {
    const bySeed = seeds.map((seed) => ({ seed, cells: cellsOf(columnsOf((task) => task.seed === seed)) }));
    writeFileSync(values.json, `${JSON.stringify({ runs, seeds, cells: cellsOf(columns), bySeed, comparisons }, null, 1)}\n`);
  }
  const asString = values.markdown ? asMarkdown : asText;
  const tables = [...harmlessTables(columns), ...harmfulTables(columns), ...(comparisons.length > 0 ? [comparisonTable(comparisons)] : [])];
  console.log(tables.map(asString).join("\n\n"));
  if (comparisons.length > 0) console.log(`\n${verdictOn(comparisons)}`);
  console.error(`${runs} runs × ${seeds.length} seeds in ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
}

function complain(sentence: string): void {
  console.error(sentence);
  process.exitCode = 2;
}

function tasksOf({ name, rules }: Entry, seed: number, runs: number): Task[] {
  return Array.from({ length: Math.ceil(runs / RUNS_A_TASK) }, (_, index) => {
    const from = index * RUNS_A_TASK;
    return { scenario: name, rules, seed, from, to: Math.min(runs, from + RUNS_A_TASK) };
  });
}

/** The outcomes of a scenario's tasks, by rule, in the order of the tasks, whichever worker had them and when. */
function outcomesOf(
  { name, rules }: Entry,
  tasks: readonly Task[],
  outcomes: readonly Outcome[][][],
  of: (task: Task) => boolean,
): Outcome[][] {
  const own = outcomes.filter((_, index) => tasks[index]!.scenario === name && of(tasks[index]!));
  return rules.map((_, index) => own.flatMap((each) => each[index]!));
}

function columnOf({ name, known, harm, rules }: Entry, outcomes: readonly Outcome[][]): Column {
  const figures = rules.map((rule, index) => [rule, figuresOf(outcomes[index]!, harm)] as const);
  return { scenario: name, rate: known.rate, size: harm?.size, figures: new Map(figures) };
}

function cellsOf(columns: readonly Column[]) {
  return columns.flatMap(({ scenario, figures }) => [...figures].map(([rule, each]) => ({ scenario, rule, ...summaryOf(each) })));
}

function verdictOn(comparisons: readonly Comparison[]): string {
  const beyond = comparisons.filter(({ apart }) => apart > REPRODUCED);
  const list = beyond.map(
    ({ rule, scenario, what, ours, theirs }) => `  ${rule}, ${scenario}: ${what} ${ours.toPrecision(3)}, published ${theirs}`,
  );
  return [
    `${comparisons.length - beyond.length} of ${comparisons.length} published figures are within ${REPRODUCED} standard errors.`,
    ...list,
  ].join("\n");
}
