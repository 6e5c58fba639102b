import { relative, resolve } from "node:path";

/** What is wrong with a plan, at its lines: of a `rollout validate --json`. The errors come first: the site shows the first few. */
export function annotationsOf(validation, workspace) {
  const plans = validation?.schema === "rollout.validate/1" ? validation.plans : [];
  const found = plans.flatMap(({ diagnostics }) => diagnostics);
  const errors = found.filter(({ severity }) => severity === "error");
  const warnings = found.filter(({ severity }) => severity !== "error");
  return [...errors, ...warnings].map(({ severity, file, range, path, message, mend }) => {
    const { line, column, endLine, endColumn } = range;
    return {
      kind: severity === "error" ? "error" : "warning",
      message: `${path === "" ? "" : `${path}: `}${message}\nmend: ${mend}`,
      title: "rollout plan",
      file: relative(workspace, resolve(file)),
      line,
      endLine,
      // Columns are looked at on one line alone.
      col: column,
      endColumn: endLine === line ? Math.max(column, endColumn - 1) : undefined,
    };
  });
}

const HOW = {
  advanced: "notice",
  complete: "notice",
  pausedBefore: "warning",
  abandoned: "warning",
  lost: "notice",
};

/** What came of the command, where somebody wants to hear of it: a step that holds is no news. */
export function outcomeAnnotation(status, report) {
  const { rollout, outcome, sentence, message, hint } = report ?? {};
  const title = rollout === undefined ? "rollout" : `rollout ${rollout}`;
  if (status !== 0) {
    const said = [sentence ?? message, hint].filter((text) => text !== undefined).join("\n");
    return { kind: "error", title, message: said === "" ? `the command ended with status ${status}` : said };
  }
  const kind = HOW[outcome];
  return kind && { kind, title, message: sentence };
}
