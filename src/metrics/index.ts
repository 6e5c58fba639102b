import { openmetrics } from "./openmetrics.ts";
import { prometheus } from "./prometheus.ts";

/** The metric sources that a plan may name, by their type. */
export const metricSources = { openmetrics, prometheus };
