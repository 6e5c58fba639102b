import { readFileSync, statSync } from "node:fs";
import { FlagdCore } from "@openfeature/flagd-core";
import type { Provider } from "@openfeature/server-sdk";

/** How often the file is looked at, in milliseconds. */
const POLL = 50;

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * An OpenFeature provider that reads a flagd definition file and evaluates it with flagd's own rules, in the process.
 * The file is read again when it changes; while it is missing or no JSON, the flags stay as they were. Initialising
 * fails when there is no file to begin with.
 */
export function flagFileProvider(path: string): Provider {
  const core = new FlagdCore(undefined, silent);
  let seen = "";
  let timer: NodeJS.Timeout | undefined;

  const refresh = (): void => {
    // The name may stand for another file at any time, so the file's number is part of what tells two apart.
    const { ino, mtimeNs, size } = statSync(path, { bigint: true });
    const version = `${ino} ${mtimeNs} ${size}`;
    if (version === seen) return;
    core.setConfigurations(readFileSync(path, "utf8"));
    // Not before it was read: what is there for a moment only, half written, is read again.
    seen = version;
  };
  const refreshIfPossible = (): void => {
    try {
      refresh();
    } catch {
      // The flags stay as they were.
    }
  };

  return {
    metadata: { name: "flagd definition file" },
    runsOn: "server",
    async initialize() {
      refresh();
      timer = setInterval(refreshIfPossible, POLL).unref();
    },
    async onClose() {
      clearInterval(timer);
    },
    resolveBooleanEvaluation: async (key, otherwise, context) => core.resolveBooleanEvaluation(key, otherwise, context, silent),
    resolveStringEvaluation: async (key, otherwise, context) => core.resolveStringEvaluation(key, otherwise, context, silent),
    resolveNumberEvaluation: async (key, otherwise, context) => core.resolveNumberEvaluation(key, otherwise, context, silent),
    resolveObjectEvaluation: async (key, otherwise, context) => core.resolveObjectEvaluation(key, otherwise, context, silent),
  };
}
