import { count, duration } from "../core/words.ts";
import type { Plan } from "../model/plan.ts";
import { amountText } from "../model/units.ts";
import type { SimulatedHarm, SimulateReport } from "./simulate.schema.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

type Spread = SimulatedHarm["requests"];
type Model = SimulatedHarm["becomes"];

/** A simulation for the terminal: what was assumed, what becomes of a healthy release, and of each harm. */
export function simulateView(report: SimulateReport, { metrics }: Pick<Plan, "metrics">, style: Style = plainStyle): string {
  const unitOf = (name: string) => (metrics[name] && "unit" in metrics[name] ? metrics[name].unit : undefined);
  return [
    ...headLines(report, unitOf, style),
    "",
    ...healthyLines(report, style),
    ...(report.harms.length > 0 ? ["", ...harmLines(report, unitOf, style), "", ...chartLines(report, unitOf, style)] : []),
    "",
  ].join("\n");
}

type UnitOf = (metric: string) => string | undefined;

function headLines({ rollout, runs, seed, assumptions }: SimulateReport, unitOf: UnitOf, style: Style): string[] {
  const { traffic, units, lookEvery, shape, overdispersion, clusters, missing, onset, metrics } = assumptions;
  const world = [
    `${count(traffic)} requests/min`,
    ...(units === null ? [] : [`${count(units)} users`]),
    `a look every ${duration(lookEvery)}`,
    ...(shape === "steady"
      ? []
      : [{ daily: "traffic that swings by 60% within a day", bursts: "bursts of four times the traffic" }[shape]]),
    ...(overdispersion > 0 ? [`rates that vary by themselves (CV ${overdispersion})`] : []),
    ...(clusters > 1 ? [`events in clusters of ${clusters}`] : []),
    ...(missing > 0 ? [`no data at ${percent(missing)} of the looks`] : []),
    ...(onset > 0 ? [`harm from ${duration(onset)} on`] : []),
  ];
  return [
    `${style.bold(terminalText(rollout))}  ${count(runs)} rollouts of each kind, seed ${seed}`,
    `assumed: ${world.join(", ")}`,
    ...Object.entries(metrics).map(([name, model]) => `  ${terminalText(name)}: ${modelText(model, unitOf(name))}`),
  ];
}

function modelText(model: Model, unit: string | undefined): string {
  switch (model.kind) {
    case "rate":
      return percent(model.rate);
    case "values": {
      const buckets = model.bounds ? `, ${model.bounds.length + 1} buckets` : "";
      return `log-normal, median ${amount(model.median, unit)}, spread ${percent(model.spread)}${buckets}`;
    }
    case "level":
      return `${amount(model.level, unit)}, wavering by ${percent(model.spread)}`;
    default:
      return model satisfies never;
  }
}

function healthyLines({ healthy }: SimulateReport, style: Style): string[] {
  const { rolledBack, paused, complete, unfinished, because, everybodyAfter, completeAfter } = healthy;
  const reasons = Object.entries(because).map(([reason, times]) => `${terminalText(reason)}: ${count(times)}`);
  const line = (label: string, { share, interval }: typeof paused, colour: (text: string) => string) =>
    `  ${label.padEnd(12)} ${colour(percent(share).padStart(6))}  ${style.dim(`95% interval ${percent(interval[0])} to ${percent(interval[1])}`)}`;
  const plain = (text: string) => text;
  return [
    style.bold("A release that does no harm"),
    line("rolled back", rolledBack, rolledBack.count > 0 ? style.yellow : style.green),
    ...(paused.count > 0 ? [line("paused", paused, style.yellow)] : []),
    line("complete", complete, plain),
    ...(unfinished.count > 0 ? [line("unfinished", unfinished, style.yellow)] : []),
    ...(unfinished.count > 0 ? [style.dim("  unfinished: not over after three times as many looks as its bakes ask for")] : []),
    ...(reasons.length > 0 ? [style.dim(`  because of ${reasons.join(", ")}`)] : []),
    ...(everybodyAfter ? [`  at 100% after ${spread(everybodyAfter, duration)}`] : []),
    ...(completeAfter ? [`  complete after ${spread(completeAfter, duration)}`] : []),
  ];
}

function harmLines({ harms }: SimulateReport, unitOf: UnitOf, style: Style): string[] {
  const hasUsers = harms.some(({ users }) => users !== null);
  const heads = ["harm", "is then", "stopped", "missed", "95% interval", "after", "requests", ...(hasUsers ? ["users"] : []), "by"];
  const rows = harms.map((each) => {
    const { metric, becomes, beyond, rolledBack, paused, missed, after, requests, users, because } = each;
    const by = Object.keys(because)[0] ?? "";
    return {
      within: beyond.length === 0,
      cells: [
        harmText(each, unitOf(metric)),
        becomesText(becomes, unitOf(metric)),
        percent(rolledBack.share + paused.share),
        percent(missed.share),
        `${percent(missed.interval[0])} to ${percent(missed.interval[1])}`,
        after ? spread(after, duration) : "",
        spread(requests, count),
        ...(hasUsers ? [users ? spread(users, count) : ""] : []),
        beyond.length === 0 ? "within every limit" : terminalText(by),
      ],
    };
  });
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map(({ cells }) => cells[column]!.length)));
  const line = (cells: readonly string[]) => `  ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd();
  return [
    style.bold("A release that does"),
    style.dim(line(heads)),
    ...rows.map(({ within, cells }) => (within ? style.dim(line(cells)) : line(cells))),
    style.dim("  in half of the runs (in nine of ten); what met the harm until it was stopped, or to the end"),
  ];
}

const BAR = 40;
const EIGHTHS = " ▏▎▍▌▋▊▉";

/** How many met each harm. */
function chartLines({ harms }: SimulateReport, unitOf: UnitOf, style: Style): string[] {
  const byUsers = harms.every(({ users }) => users !== null);
  const met = harms.map(({ users, requests }) => (byUsers ? users! : requests).median);
  const most = Math.max(1, ...met);
  const names = harms.map((each) => harmText(each, unitOf(each.metric)));
  const width = Math.max(...names.map((name) => name.length));
  return [
    style.bold(`${byUsers ? "Users" : "Requests"} that met it, in half of the runs at most`),
    ...harms.map(({ beyond }, index) => {
      const filled = Math.round((met[index]! / most) * BAR * 8);
      const bar = "█".repeat(filled >> 3) + (filled % 8 > 0 || (filled === 0 && met[index]! > 0) ? EIGHTHS[Math.max(1, filled % 8)]! : "");
      const colour = beyond.length === 0 ? style.dim : style.red;
      return `  ${names[index]!.padEnd(width)}  ${colour(bar)} ${count(met[index]!)}`;
    }),
  ];
}

/** `errors x2`, `latency +50ms` */
function harmText({ metric, harm, becomes }: SimulatedHarm, unit: string | undefined): string {
  const change = harm.slice(metric.length + 1);
  const [, sign, size, perHour = ""] = /^([+-])([\d.e-]+)(\/h)?$/.exec(change) ?? [];
  if (sign === undefined) return `${terminalText(metric)} ${change}`;
  if (becomes.kind === "rate") return `${terminalText(metric)} ${sign}${Number((100 * Number(size)).toPrecision(6))}pp`;
  return `${terminalText(metric)} ${sign}${unit === undefined && perHour === "" ? size : amount(Number(size), unit)}${perHour}`;
}

function becomesText(model: Model, unit: string | undefined): string {
  if (model.kind === "rate") return percent(model.rate);
  return amount(model.kind === "values" ? model.median : model.level, unit);
}

/** An amount that needs more characters is rounded. */
const LONGEST = 8;

function amount(value: number, unit: string | undefined): string {
  const exact = amountText(value, unit);
  return exact.length <= LONGEST ? exact : amountText(Number(value.toPrecision(3)), unit);
}

function spread({ median, p90 }: Spread, text: (value: number) => string): string {
  return median === p90 ? text(median) : `${text(median)} (${text(p90)})`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(share > 0.1 ? 3 : 2))}%`;
}
