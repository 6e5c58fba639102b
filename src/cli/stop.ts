/** How long a command may take to finish what it began once it is asked to stop, in milliseconds. */
const GRACE = 5_000;
const INTERRUPTED = 130;

/**
 * A signal that aborts at the first Ctrl-C, SIGTERM or hang-up: what was begun is finished and recorded. The second
 * leaves at once, as does the end of the grace; the ledger says what was under way, and the next command goes on from there.
 */
export function listenForStop(process: NodeJS.Process, tell: (sentence: string) => void): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
    tell("stopping: what was begun is finished first; once more leaves at once");
    setTimeout(() => process.exit(INTERRUPTED), GRACE).unref();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  return controller.signal;
}
