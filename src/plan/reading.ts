import type { FlagBackendDefinition } from "../flags/port.ts";
import type { MetricSourceDefinition } from "../metrics/port.ts";
import type { Problems } from "./problems.ts";

/** The adapters that a plan may name, by their `type`. */
export interface Catalog {
  flags: Readonly<Record<string, FlagBackendDefinition>>;
  sources: Readonly<Record<string, MetricSourceDefinition>>;
}

/** What every part of the reader is handed. */
export interface Reading {
  problems: Problems;
  /** Paths, as text, of the references to secrets that stand where they may. */
  secrets: Set<string>;
}
