import type { Plan } from "../model/plan.ts";
import type { SimulatedHarm, SimulateReport } from "./simulate.schema.ts";

type Model = SimulatedHarm["becomes"];
type Spread = SimulatedHarm["requests"];

/** What was simulated, as the simulation says it. */
interface Simulation {
  plan: Plan;
  assumptions: Omit<SimulateReport["assumptions"], "units" | "metrics"> & { metrics: Readonly<Record<string, ReadonlyModel>> };
  runs: number;
  seed: number;
}

type ReadonlyModel = Model extends infer Each
  ? Each extends { bounds?: unknown }
    ? Omit<Each, "bounds"> & { bounds?: readonly number[] }
    : Each
  : never;

/** What became of it. */
interface Simulated {
  healthy: Omit<SimulateReport["healthy"], "everybodyAfter" | "completeAfter"> &
    Record<"everybodyAfter" | "completeAfter", Spread | undefined>;
  harms: (Omit<SimulatedHarm, "metric" | "harm" | "becomes" | "after" | "users"> & {
    key: string;
    harm: { metric: string };
    becomes: ReadonlyModel;
    after: Spread | undefined;
    users: Spread | undefined;
  })[];
}

/** The result of a simulation. */
export function simulateReport(
  { plan, assumptions, runs, seed }: Simulation,
  planHash: string,
  { healthy, harms }: Simulated,
): SimulateReport {
  const { traffic, lookEvery, shape, overdispersion, clusters, missing, onset, metrics } = assumptions;
  return {
    schema: "rollout.simulate/1",
    rollout: plan.rollout,
    planHash,
    runs,
    seed,
    assumptions: {
      traffic,
      units: plan.audience.units ?? null,
      lookEvery,
      shape,
      overdispersion,
      clusters,
      missing,
      onset,
      metrics: Object.fromEntries(Object.entries(metrics).map(([name, model]) => [name, modelOf(model)])),
    },
    healthy: { ...healthy, everybodyAfter: healthy.everybodyAfter ?? null, completeAfter: healthy.completeAfter ?? null },
    harms: harms.map(({ key, harm, becomes, after, users, ...figures }) => ({
      metric: harm.metric,
      harm: key,
      becomes: modelOf(becomes),
      ...figures,
      after: after ?? null,
      users: users ?? null,
    })),
  };
}

function modelOf(model: ReadonlyModel): Model {
  if (model.kind !== "values") return model;
  const { bounds, ...values } = model;
  return { ...values, ...(bounds && { bounds: [...bounds] }) };
}
