import type { Diagnostic } from "../model/diagnostic.ts";
import { renderDiagnostics } from "./frames.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";
import type { PlanValidation, Validation } from "./validate.schema.ts";

/** What came of reading a plan. */
type Reading =
  | { valid: true; plan: { rollout: string }; hash: string; warnings: readonly Diagnostic[] }
  | { valid: false; diagnostics: readonly Diagnostic[] };

/** The result of validating some plans, in the order in which they were named. */
export function validation(readings: readonly { file: string; reading: Reading }[]): Validation {
  const plans = readings.map(({ file, reading }): PlanValidation => {
    if (!reading.valid) return { file, valid: false, diagnostics: [...reading.diagnostics] };
    return { file, valid: true, rollout: reading.plan.rollout, planHash: reading.hash, diagnostics: [...reading.warnings] };
  });
  return { schema: "rollout.validate/1", valid: plans.every(({ valid }) => valid), plans };
}

/** The result for the terminal: every frame, and a line for each plan. */
export function validationView({ plans }: Validation, style: Style = plainStyle): string {
  const parts = plans.map((plan) => {
    const errors = plan.diagnostics.filter(({ severity }) => severity === "error").length;
    const warnings = plan.diagnostics.length - errors;
    const found = [...(errors > 0 ? [counted(errors, "error")] : []), ...(warnings > 0 ? [counted(warnings, "warning")] : [])].join(", ");
    const summary = plan.valid
      ? `${style.green("valid")}${found === "" ? "" : `, ${found}`}, plan ${plan.planHash.slice(0, 12)}`
      : `${style.red("invalid")}, ${found}`;
    const frames = plan.diagnostics.length === 0 ? "" : `${renderDiagnostics(plan.diagnostics, style)}\n`;
    return `${frames}${terminalText(plan.file)}: ${summary}\n`;
  });
  return parts.join("\n");
}

function counted(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
