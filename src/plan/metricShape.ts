import type { MetricSourceDefinition } from "../metrics/port.ts";
import { NUMBERS, type MetricKind } from "../model/plan.ts";
import type { Lenient } from "./lenient.ts";
import { namesIn } from "./metrics.ts";
import { isMap, valueAt } from "./path.ts";
import { nearest } from "../model/nearest.ts";
import type { WrittenPlan } from "./written.ts";

/** What a limit has to know of its metric. */
export interface MetricShape {
  name: string;
  grouped: boolean;
  kind: MetricKind;
  unit?: string;
  /** Its source; absent when that is not known. */
  source?: MetricSourceDefinition;
}

const kinds = Object.keys(NUMBERS) as MetricKind[];

/**
 * The shape of the metric that a name means, also when something else in the metric or a letter in the name is wrong, so
 * that one mistake does not hide another; nothing when it cannot be told, and then no limit can be said to be wrong.
 */
export function metricShape(
  name: string | undefined,
  metrics: Lenient<WrittenPlan>["metrics"],
  tree: unknown,
  definitions: ReadonlyMap<string, MetricSourceDefinition>,
): MetricShape | undefined {
  const names = namesIn(tree, "metrics");
  if (name === undefined || names === undefined) return undefined;
  const meant = names.includes(name) ? name : nearest(name, names);
  const written = meant === undefined ? undefined : valueAt(tree, ["metrics", meant]);
  if (meant === undefined || !isMap(written)) return undefined;
  const read = Object.hasOwn(metrics ?? {}, meant) ? metrics?.[meant] : undefined;
  // A kind that is one, but was refused, is not the one that was meant.
  const isMisspelt = typeof written.kind === "string" && !kinds.includes(written.kind as MetricKind);
  const kind = read?.kind ?? (isMisspelt ? (nearest(written.kind as string, kinds) as MetricKind | undefined) : undefined);
  const unit = read && "unit" in read ? read.unit : undefined;
  const unitIsWrong = written.unit !== undefined && unit === undefined && kind !== "rate";
  if (kind === undefined || unitIsWrong) return undefined;
  const source = definitions.get(typeof written.source === "string" ? written.source : "");
  return {
    name: meant,
    grouped: written.groups !== "none",
    kind,
    ...(unit === undefined ? {} : { unit }),
    ...(source ? { source } : {}),
  };
}
