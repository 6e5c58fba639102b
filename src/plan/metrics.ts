import type { MetricSourceDefinition } from "../metrics/port.ts";
import type { AdapterOptions, Metric, Query } from "../model/plan.ts";
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
    for (const number of ["events", "total"] as const) {
      if (definition) readQuery(tree, [...path, number], definition.query, reading);
      checkPlaceholder(valueAt(tree, [...path, number]), metric, [...path, number], reading);
    }
    checkLabels(metric, path, reading);
    const { source, labels } = metric;
    if (reading.problems.count() > before || source === undefined) continue;
    metrics[name] = {
      source,
      kind: "rate",
      grouped: metric.groups === undefined,
      ...(labels?.treatment !== undefined && labels.control !== undefined
        ? { labels: { treatment: labels.treatment, control: labels.control } }
        : {}),
      events: valueAt(tree, [...path, "events"]) as Query,
      total: valueAt(tree, [...path, "total"]) as Query,
    };
  }
  return metrics;
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
