import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EvaluationContext } from "@openfeature/core";
import { FlagdCore, MemoryStorage } from "@openfeature/flagd-core";
import { flagd } from "../../src/flags/flagd.ts";
import type { FlagBackend } from "../../src/flags/port.ts";
import { openFiles } from "../../src/io/files.ts";
import type { Tools } from "../../src/io/port.ts";
import type { Exposure } from "../../src/model/exposure.ts";
import type { FlagTarget } from "../../src/model/flag.ts";
import { note, type Context, type Evaluation } from "../conformance/flags.ts";

/** A flag file in a folder of its own, the backend on it, and flagd's own evaluator. */
export interface FlagdFile {
  path: string;
  backend: FlagBackend;
  text(): Promise<string>;
  put(text: string): Promise<void>;
  write(target: FlagTarget, exposure: Exposure): Promise<void>;
  evaluator(key: string): Promise<(id: string | undefined, context?: Context) => Evaluation>;
  remove(): Promise<void>;
}

export async function makeFlagdFile(text = '{"flags":{}}'): Promise<FlagdFile> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-flagd-"));
  const path = join(folder, "flags.json");
  await writeFile(path, text);
  const backend = flagd.connect({ file: "flags.json" }, tools(folder));
  const readText = () => readFile(path, "utf8");
  return {
    path,
    backend,
    text: readText,
    put: (changed) => writeFile(path, changed),
    write: async (target, exposure) => backend.write(target, exposure, (await backend.read(target)).revision, note),
    evaluator: async (key) => evaluatorOf(await readText(), key),
    remove: () => rm(folder, { recursive: true }),
  };
}

function tools(folder: string): Tools {
  const unused = (): never => {
    throw new Error("a flag file needs no such thing");
  };
  return {
    files: openFiles({ folder, root: folder }),
    http: { send: unused },
    exec: { run: unused },
    clock: { now: unused, monotonic: unused, sleep: unused },
    reveal: unused,
    redact: (text) => text,
    signal: new AbortController().signal,
  };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Evaluates as an SDK does, with a default of the code that no flag has, so that a fall to it is seen. */
export function evaluatorOf(text: string, key: string, options: { interpreted?: boolean } = {}) {
  const storage = new MemoryStorage(silent, { disableDynamicCodeGeneration: options.interpreted ?? false });
  // Strict: against flagd's own JSON schema.
  storage.setConfigurations(text, true);
  const core = new FlagdCore(storage, silent);
  return (id: string | undefined, context: Context = {}): Evaluation & { error?: string } => {
    const flag = core.getFlag(key);
    // As the SDK does: a flag that is not there, or disabled, is the code's default.
    if (!flag || flag.state === "DISABLED") return { variant: undefined, value: "the default of the code" };
    const stored = flag.evaluate((id === undefined ? context : { targetingKey: id, ...context }) as EvaluationContext, silent);
    return {
      variant: stored.variant,
      value: stored.value ?? "the default of the code",
      ...(stored.errorCode ? { error: stored.errorCode } : {}),
    };
  };
}
