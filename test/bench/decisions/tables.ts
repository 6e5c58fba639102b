import type { Comparison } from "./compare.ts";
import { mean, quantile, waldLimit, type Figures, type HarmfulFigures, type HarmlessFigures } from "./figures.ts";
import { ALPHA } from "./ramp.ts";

/** A table to print: its title, and rows of cells, the first row being the head. */
export interface Table {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/** One scenario as it was simulated: its figures by rule. */
export interface Column {
  readonly scenario: string;
  readonly rate: number;
  /** The size of a harm that stays the same. */
  readonly size?: number | undefined;
  readonly figures: ReadonlyMap<string, Figures>;
}

/** So many columns a reader takes in, and a page holds. */
const COLUMNS = 7;

export function harmlessTables(columns: readonly Column[]): Table[] {
  return [
    ...tablesOf("Harmless: false rollbacks in % (one-sided upper 95 % bound, Clopper-Pearson)", columns, "harmless", falseRollbacks),
    ...tablesOf(
      "Harmless: mean minutes to 100 %, where a ramp that is rolled back begins again at once",
      columns,
      "harmless",
      minutesToAll,
    ),
  ];
}

export function harmfulTables(columns: readonly Column[]): Table[] {
  const title =
    "Harmful: missed in % / median minutes to the rollback / thousands of treated requests before it, mean (median); missed ones count in full";
  return tablesOf(title, columns, "harmful", rollbacks, {
    name: `Wald limit, ln(1/α)/KL`,
    cell: ({ rate, size }) => (size === undefined || size === 1 ? "" : `${round(waldLimit(rate, size, ALPHA) / 1000)} k`),
  });
}

function tablesOf<K extends Figures["kind"]>(
  title: string,
  columns: readonly Column[],
  kind: K,
  cell: (figures: Extract<Figures, { kind: K }>) => string,
  limit?: { name: string; cell: (column: Column) => string },
): Table[] {
  const ofKind = columns.filter(({ figures }) => [...figures.values()].some((each) => each.kind === kind));
  // Latencies have rules of their own: only columns with the same rules share a table.
  const rulesOf = ({ figures }: Column): string => [...figures.keys()].join();
  const groups = [...new Set(ofKind.map(rulesOf))].map((rules) => ofKind.filter((column) => rulesOf(column) === rules));
  return groups.flatMap((group) =>
    chunks(group, COLUMNS).map((part): Table => {
      const rules = [...part[0]!.figures.keys()];
      const row = (rule: string): string[] => part.map(({ figures }) => cell(figures.get(rule) as Extract<Figures, { kind: K }>));
      return {
        title,
        rows: [
          ["rule", ...part.map(({ scenario }) => scenario)],
          ...(limit && part.some((column) => limit.cell(column) !== "") ? [[limit.name, ...part.map(limit.cell)]] : []),
          ...rules.map((rule) => [rule, ...row(rule)]),
        ],
      };
    }),
  );
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) => values.slice(index * size, (index + 1) * size));
}

const percent = (share: number): string => (100 * share).toFixed(1);
const falseRollbacks = ({ rolledBack, runs, upper }: HarmlessFigures): string => `${percent(rolledBack / runs)} (≤ ${percent(upper)})`;
const minutesToAll = ({ minutesToAll }: HarmlessFigures): string => (minutesToAll === Infinity ? "never" : minutesToAll.toFixed(1));
const rollbacks = ({ missed, runs, minutes, thousands }: HarmfulFigures): string =>
  runs === 0
    ? "all rolled back before"
    : `${percent(missed / runs)} / ${quantile(minutes, 0.5)} / ${round(mean(thousands))} (${round(quantile(thousands, 0.5))})`;

/** Three significant digits. */
function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Ours, theirs and the distance of every published figure, the farthest first. */
export function comparisonTable(comparisons: readonly Comparison[]): Table {
  const sorted = [...comparisons].sort((a, b) => b.apart - a.apart);
  return {
    title: "Beside the figures published before",
    rows: [
      ["rule", "scenario", "figure", "ours", "published", "standard errors apart"],
      ...sorted.map(({ rule, scenario, what, ours, theirs, apart }) => [rule, scenario, what, round(ours), theirs, apart.toFixed(1)]),
    ],
  };
}

export function asMarkdown({ title, rows: [head, ...body] }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [`### ${title}`, "", line(head!), line(head!.map(() => "---")), ...body.map(line)].join("\n");
}

export function asText({ title, rows }: Table): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return [
    title,
    ...rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    ),
  ].join("\n");
}
