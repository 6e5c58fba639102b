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

/** What `connect` is handed, with real HTTP and real redaction. */
export function realTools({ clock, env = {}, http }: { clock: Clock; env?: Record<string, string>; http?: Tools["http"] }): Tools {
  const redactor = createRedactor();
  const { signal } = new AbortController();
  return {
    http: http ?? openHttp({ redact: redactor.redact, env: {}, signal }),
    files: { read: async () => undefined, replace: async () => {} },
    clock,
    reveal: secretReader({ env, ci: false, folder: "/nonexistent", redactor }),
    redact: redactor.redact,
    signal,
  };
}
