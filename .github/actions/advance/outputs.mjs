/** The outputs of the step, from the last object that the command printed. One that says less leaves outputs empty. */
export function outputsOf(command, status, report) {
  const { rollout, stage, exposed, sentence, message, head } = report ?? {};
  return {
    command,
    outcome: outcomeOf(command, status, report),
    rollout: textOf(rollout),
    stage: textOf(stage?.name),
    exposure: textOf(exposed),
    sentence: textOf(sentence ?? message),
    head: textOf(head?.hash),
    seq: typeof head?.seq === "number" ? String(head.seq) : "",
    "exit-status": String(status),
  };
}

function outcomeOf(command, status, report) {
  if (report === undefined) return status === 0 ? "" : "unexpected";
  const { schema, code, outcome, paused, ended, done } = report;
  if (schema === "rollout.error/1") return textOf(code);
  if (command === "explain") return status === 0 ? "valid" : "invalid";
  if (command === "rollback") return done ? "rolledBack" : "rolledBackBefore";
  if (command === "status") return ended ? textOf(ended.outcome) : paused ? "paused" : "running";
  return textOf(outcome);
}

function textOf(value) {
  return typeof value === "string" ? value : "";
}
