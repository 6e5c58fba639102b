import type { MetricSourceDefinition } from "../metrics/port.ts";
import { NUMBERS, type AdapterOptions, type Metric, type MetricKind, type NumberKind, type NumberName, type Query } from "../model/plan.ts";
import { readAdapter, readQuery } from "./adapters.ts";
import type { Lenient } from "./lenient.ts";
import { isMap, valueAt, type Path } from "./path.ts";
import type { Catalog, Reading } from "./reading.ts";
import { refuseUnknown } from "./references.ts";
import type { WrittenPlan } from "./written.ts";

type Written = Lenient<WrittenPlan>;
type WrittenMetric = Lenient<WrittenPlan["metrics"][string]>;

/** The sources as they are written, and the definitions of those whose type is known. */
export function normaliseSources(tree: unknown, reading: Reading & { catalog: Catalog }) {
  const definitions = new Map<string, MetricSourceDefinition>();
  const written = valueAt(tree, ["sources"]);
  const sources = isMap(written) ? written : {};
  for (const name of Object.keys(sources)) {
    const definition = readAdapter(tree, ["sources", name], reading.catalog.sources, "metric sources", reading);
    if (definition) definitions.set(name, definition);
  }
  return { sources: sources as Record<string, AdapterOptions>, definitions };
}

/** The metrics in their normal form, without those that were in error. */
export function normaliseMetrics(
  written: Written["metrics"],
  tree: unknown,
  definitions: ReadonlyMap<string, MetricSourceDefinition>,
  reading: Reading,
): Record<string, Metric> {
  const metrics: Record<string, Metric> = {};
  for (const [name, metric] of Object.entries(written ?? {})) {
    if (!metric) continue;
    const path: Path = ["metrics", name];
    const before = reading.problems.count();
    refuseUnknown(metric.source, namesIn(tree, "sources"), "sources", [...path, "source"], reading.problems);
    const definition = definitions.get(metric.source ?? "");
    if (definition) checkSayable(metric, definition, path, reading);
    checkUsers(metric, path, reading);
    for (const [number, kind] of numbersOf(metric)) {
      const schema = definition?.query[kind];
      if (schema) readQuery(tree, [...path, number], schema, reading);
      checkPlaceholder(valueAt(tree, [...path, number]), metric, [...path, number], reading);
    }
    checkLabels(metric, path, reading);
    const { source, kind, labels } = metric;
    if (reading.problems.count() > before || source === undefined || kind === undefined) continue;
    const queries = numbersOf(metric).map(([number]) => [number, valueAt(tree, [...path, number]) as Query]);
    metrics[name] = {
      source,
      kind,
      grouped: metric.groups === undefined,
      ...(labels?.treatment !== undefined && labels.control !== undefined
        ? { labels: { treatment: labels.treatment, control: labels.control } }
        : {}),
      ...("unit" in metric && metric.unit !== undefined ? { unit: metric.unit } : {}),
      ...Object.fromEntries(queries),
    } as Metric;
  }
  return metrics;
}

const everyNumber: Readonly<Partial<Record<NumberName, NumberKind>>> = {
  ...Object.assign({}, ...Object.values(NUMBERS)),
  users: "counter",
};

/** The numbers that a metric asks for, of its kind or not, each with how it is asked for. */
function numbersOf(metric: WrittenMetric): [NumberName, NumberKind][] {
  return (Object.entries(everyNumber) as [NumberName, NumberKind][]).filter(([number]) => Object.hasOwn(metric, number));
}

/** Refuses what the source cannot be asked for. */
function checkSayable(
  { kind, ...metric }: WrittenMetric,
  { name, query }: MetricSourceDefinition,
  path: Path,
  { problems }: Reading,
): void {
  const sayable = (Object.keys(NUMBERS) as MetricKind[]).filter((each) => Object.values(NUMBERS[each]).every((number) => query[number]));
  if (kind !== undefined && !sayable.includes(kind)) {
    const mend = sayable.length === 0 ? "use another source" : `its metrics are: ${sayable.join(", ")}`;
    problems.error([...path, "kind"], { message: `a ${name} source has no metrics of the kind ${kind}`, mend });
  }
  if (metric.users !== undefined && !query.counter) {
    const mistake = { message: `a ${name} source has no counters, so it counts no users`, mend: "remove `users`, or use another source" };
    problems.error([...path, "users"], mistake, { at: "key" });
  }
}

/** The names under one of the plan's keys; nothing when it holds no map. */
export function namesIn(tree: unknown, key: "sources" | "metrics"): string[] | undefined {
  const names = valueAt(tree, [key]);
  if (names === undefined) return [];
  return isMap(names) ? Object.keys(names) : undefined;
}

function checkPlaceholder(query: unknown, { groups }: WrittenMetric, path: Path, { problems }: Reading): void {
  if (!isMap(query)) return;
  const texts = textsIn(query);
  const holds = texts.some((text) => text.includes("{{group}}"));
  const almost = texts
    .map((text) => /\{\{\s*(?:group|Group|GROUP|groups?)\s*\}\}/.exec(text)?.[0])
    .find((match) => match !== undefined && match !== "{{group}}");
  if (almost !== undefined && !holds) {
    problems.error(path, { message: `\`${almost}\` is not filled in`, mend: "write {{group}}, exactly so" }, { at: "key" });
  } else if (groups === "none" && holds) {
    problems.error(
      path,
      {
        message: "a metric with `groups: none` cannot ask for a group, but {{group}} stands in its query",
        mend: "remove {{group}} from the query, or remove `groups: none`",
      },
      { at: "key" },
    );
  } else if (groups === undefined && !holds) {
    problems.error(
      path,
      {
        message: "this query asks for both groups at once: {{group}} is missing",
        mend: "write {{group}} where the query names the variant, or say `groups: none` when the number cannot tell the groups apart",
      },
      { at: "key" },
    );
  }
}

/** Users are counted to compare the sizes of the two groups. */
function checkUsers({ groups, users }: WrittenMetric, path: Path, { problems }: Reading): void {
  if (groups !== "none" || users === undefined) return;
  const mistake = {
    message: "a metric with `groups: none` cannot tell how many users each group has",
    mend: "remove `users`, or remove `groups: none`",
  };
  problems.error([...path, "users"], mistake, { at: "key" });
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function checkLabels({ groups, labels }: WrittenMetric, path: Path, { problems }: Reading): void {
  if (!labels) return;
  if (groups === "none") {
    problems.error(
      [...path, "labels"],
      { message: "a metric with `groups: none` has no labels", mend: "remove `labels`, or remove `groups: none`" },
      { at: "key" },
    );
  } else if (labels.treatment !== undefined && labels.treatment === labels.control) {
    problems.error([...path, "labels", "control"], {
      message: "both groups have the same label",
      mend: "write the two values that {{group}} stands for",
    });
  }
}
