import { createHash } from "node:crypto";
import type { Validation } from "./validate.schema.ts";
import { terminalText } from "./text.ts";

/** One finding of a Code Quality report, as GitLab reads it. */
export interface CodeQualityIssue {
  description: string;
  check_name: string;
  /** What tells this finding from all others, and stays when the lines above it change. */
  fingerprint: string;
  severity: "info" | "minor" | "major" | "critical" | "blocker";
  location: { path: string; lines: { begin: number } };
}

/** What is wrong with plans, as GitLab's Code Quality report. */
export function codeQuality({ plans }: Validation): CodeQualityIssue[] {
  const seen = new Map<string, number>();
  return plans.flatMap(({ file, diagnostics }) =>
    diagnostics.map(({ severity, range, path, message, mend }): CodeQualityIssue => {
      const finding = JSON.stringify([file, severity, path, message]);
      // The same mistake twice at places without a path of their own are two findings.
      const before = seen.get(finding) ?? 0;
      seen.set(finding, before + 1);
      const where = path === "" ? "" : `${path}: `;
      return {
        description: terminalText(`${where}${message}; ${mend}`),
        check_name: severity === "error" ? "rollout-plan" : "rollout-plan-warning",
        fingerprint: createHash("sha256").update(`${finding} ${before}`).digest("hex").slice(0, 32),
        severity: severity === "error" ? "blocker" : "minor",
        location: { path: file.replace(/^(\.\/)+/, ""), lines: { begin: range.line } },
      };
    }),
  );
}
