import { openExec } from "../../src/io/exec.ts";
import { openFiles } from "../../src/io/files.ts";
import { openHttp } from "../../src/io/http.ts";
import type { Clock, Tools } from "../../src/io/port.ts";
import { createRedactor } from "../../src/io/redact.ts";
import { secretReader } from "../../src/io/secrets.ts";

/** A clock that stands still until it is set; its monotonic side is real, so that deadlines hold. */
export function settableClock(start: number): Clock & { set(now: number): void } {
  let now = start;
  return {
    now: () => now,
    monotonic: () => performance.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    set: (value) => (now = value),
  };
}

/** Waits for nothing: for what is only patient, such as a client between two tries. */
export const atOnce: Clock["sleep"] = async () => {};

export interface RealTools {
  clock: Clock;
  env?: Record<string, string>;
  http?: Tools["http"];
  /** Where the plan would be; without it there are no files. */
  folder?: string;
}

/** What `connect` is handed, with real HTTP, programs and redaction; only between two tries nothing is waited for. */
export function realTools({ clock, env = {}, http, folder = "/nonexistent" }: RealTools): Tools {
  const redactor = createRedactor();
  const { signal } = new AbortController();
  return {
    http: http ?? openHttp({ redact: redactor.redact, env: {}, signal, sleep: atOnce }),
    files: openFiles({ folder, root: folder }),
    exec: openExec({ folder, root: folder, redact: redactor.redact, env: { PATH: process.env["PATH"] }, signal }),
    clock,
    reveal: secretReader({ env, ci: false, folder, redactor }),
    redact: redactor.redact,
    signal,
  };
}
