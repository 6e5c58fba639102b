const COMMANDS = ["advance", "run", "rollback", "status", "explain"];

/** What the step was given, checked. Throws with what to do about it. */
export function readInputs(env) {
  const text = (name) => (env[`INPUT_${name}`] ?? "").trim();
  const inputs = {
    plan: text("PLAN"),
    command: text("COMMAND") || "advance",
    wait: text("WAIT"),
    reason: text("REASON"),
    store: text("STORE") || "git:origin",
    comment: flag("comment", text("COMMENT") || "true"),
    cli: text("CLI"),
    version: text("VERSION"),
    token: text("TOKEN"),
  };
  if (inputs.plan === "") throw new Error("the input `plan` is missing: a plan file, or the name of a rollout");
  if (!COMMANDS.includes(inputs.command)) throw new Error(`the input \`command\` is one of ${COMMANDS.join(", ")}`);
  if (inputs.version !== "" && !/^[0-9A-Za-z][0-9A-Za-z.+-]*$/.test(inputs.version)) {
    throw new Error("the input `version` is a version of rollout-cli, such as 0.1.0");
  }
  return inputs;
}

function flag(name, value) {
  if (value !== "true" && value !== "false") throw new Error(`the input \`${name}\` is true or false`);
  return value === "true";
}
