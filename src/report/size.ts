import { count, duration } from "../core/words.ts";
import type { GuardrailSizeReport, SizeReport, StageSizeReport } from "./size.schema.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** The sizes of a plan, as JSON. */
export function sizeReport(size: Omit<SizeReport, "schema" | "planHash">, planHash: string): SizeReport {
  return { schema: "rollout.size/1", planHash, ...size };
}

/** The sizes for the terminal: a table of each stage, and what to change where it cannot see. */
export function sizeView(report: SizeReport, style: Style = plainStyle): string {
  const stages = report.stages.map((stage, index) => stageLines(stage, index, style));
  return [head(report, style), ...stages, foot(report, style)].map((lines) => `${lines.join("\n")}\n`).join("\n");
}

function head({ rollout, planHash, traffic, units, falseRollback, expected }: SizeReport, style: Style): string[] {
  const world = [
    ...(traffic === undefined ? [] : [`${count(traffic)} requests/min`]),
    ...(units === undefined ? [] : [`${count(units)} users`]),
    `at most ${Number((falseRollback * 100).toPrecision(6))}% false rollbacks`,
  ];
  const width = Math.max(...expected.map(({ metric }) => terminalText(metric).length));
  return [
    `${style.bold(terminalText(rollout))}  ${style.dim(`plan ${planHash.slice(0, 12)}`)}`,
    `${world.join(", ")}; without harm, its metrics are taken to be`,
    ...expected.map(({ metric, text }) => `  ${terminalText(metric).padEnd(width)}  ${terminalText(text)}`),
  ];
}

function stageLines({ name, bake, guardrails }: StageSizeReport, index: number, style: Style): string[] {
  const sized = guardrails.filter((each) => each.kind === "requests");
  const unjudged = guardrails.filter(({ kind }) => kind === "notJudged").map(({ guardrail }) => terminalText(guardrail));
  return [
    `${style.bold(`Stage ${index + 1}: ${terminalText(name)}`)}  ${style.dim(`bakes ${duration(bake)}`)}`,
    ...(sized.length > 0 ? table(sized, style) : []),
    ...waitLines(sized),
    ...guardrails.flatMap((each) => mendLines(each, style)),
    ...(unjudged.length > 0 ? [style.dim(`  not judged here (see \`rollout explain\`): ${unjudged.join(", ")}`)] : []),
    ...(guardrails.length === 0 ? [`  ${style.yellow("nothing guards it")}`] : []),
  ];
}

type Sized = Extract<GuardrailSizeReport, { kind: "requests" }>;

const HEADS = ["", "sees", "with 90%", "names", "needs", "users", "takes"];

/** What each guardrail sees in the bake with 80 % power, and what it takes to see what it names. */
function table(sized: readonly Sized[], style: Style): string[] {
  const hasBakes = sized.some(({ inBake }) => inBake !== undefined);
  const rows = sized.map(({ guardrail, inBake, sees80, sees90, names, needs, users, takes }) => [
    terminalText(guardrail),
    inBake === undefined ? "" : terminalText(sees80?.text ?? "nothing"),
    inBake === undefined ? "" : terminalText(sees90?.short ?? "nothing"),
    terminalText(hasBakes ? names.short : names.text),
    needs === undefined ? "never" : requests(needs),
    users === undefined ? "" : roughly(users),
    takes === undefined ? "" : duration(roundedSpan(takes)),
  ]);
  const columns = HEADS.flatMap((_, column) => (column === 0 || rows.some((row) => row[column] !== "") ? [column] : []));
  const widths = columns.map((column) => Math.max(HEADS[column]!.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `  ${columns.map((column, place) => cells[column]!.padEnd(widths[place]!)).join("  ")}`.trimEnd();
  return [style.dim(line(HEADS)), ...rows.map((row, index) => colourOf(sized[index]!, style)(line(row)))];
}

function colourOf({ can }: Sized, style: Style): (text: string) => string {
  if (can === "sees") return style.green;
  return can === "unknown" || can === "waits" ? (text) => text : style.yellow;
}

/** What a stage with `minSamples` waits for longest. */
function waitLines(sized: readonly Sized[]): string[] {
  const waiting = sized.filter(({ can }) => can === "waits");
  if (waiting.length === 0) return [];
  const { guardrail, needs, takes } = waiting.reduce((most, each) => ((each.needs ?? 0) > (most.needs ?? 0) ? each : most));
  const time = takes === undefined ? "" : `, about ${duration(roundedSpan(takes))}`;
  return [`  by \`minSamples\` the stage waits for ${requests(needs!)} requests${time} (${terminalText(guardrail)})`];
}

/** What to change for a guardrail that cannot see what it names; why one cannot be sized. */
function mendLines(size: GuardrailSizeReport, style: Style): string[] {
  const say = (text: string) => [`  ${style.yellow(terminalText(size.guardrail))}: ${terminalText(text)}`];
  switch (size.kind) {
    case "notJudged":
      return [];
    case "notSized":
      return say(`not sized, as ${size.reason}`);
    case "readings":
      return size.can === "blind" ? say(`it takes ${size.needs} readings, and in the bake there are ${size.inBake}`) : [];
    case "requests": {
      if (size.can !== "blind" && size.can !== "never") return [];
      const { names, inBake, needs, because, mends } = size;
      const why = needs === undefined ? `: ${because}` : ` in ${count(inBake!)} of the ${requests(needs)} requests that it takes`;
      const how = mends.length > 0 ? `. To let it: ${mends.map(({ text }) => text).join("; or ")}` : "";
      return say(`cannot see ${names.short}${why}${how}`);
    }
    default:
      return size satisfies never;
  }
}

function foot({ stages, notes }: SizeReport, style: Style): string[] {
  const own = stages.flatMap(({ guardrails }) =>
    guardrails.flatMap((size) => {
      const text = size.kind === "requests" ? size.note : size.kind === "readings" ? size.sentence : undefined;
      return text === undefined ? [] : [`${terminalText(size.guardrail)}: ${terminalText(text)}`];
    }),
  );
  return [
    ...new Set([...own, ...notes.map((note) => terminalText(note))].map((note) => `note: ${note}`)),
    style.dim(
      "sees: the smallest harm that it finds in the bake in 80% of all cases. needs: treated requests that find the harm it names.",
    ),
    style.dim("Each stage by itself, and numbers that vary by chance alone; docs/sizing.md tells how exact that is."),
  ];
}

/** Numbers that are only roughly known. */
function roughly(value: number): string {
  return count(Number(value.toPrecision(2)));
}

function requests(value: number): string {
  return count(Number(value.toPrecision(3)));
}

/** No more exactly than it is known. */
function roundedSpan(milliseconds: number): number {
  const unit = milliseconds > 120_000 ? 60_000 : 1_000;
  return Math.ceil(milliseconds / unit) * unit;
}
