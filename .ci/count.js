// Counts from the test runner's own report; whatever failed without a failing test of its own counts as one failure.
// Usage: node count.js REPORT STATUS_OF_CHECK STATUS_OF_TESTS
import { readFileSync } from "node:fs";

const [report = "", check, tests] = process.argv.slice(2);
const { passed, failed, skipped } = counted();
const broken = check === "0" ? 0 : 1;
const unseen = failed === 0 && (tests !== "0" || passed === 0) ? 1 : 0;
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed + broken + unseen} failed`);
process.exitCode = failed + broken + unseen === 0 ? 0 : 1;

function counted() {
  try {
    const { testResults } = JSON.parse(readFileSync(report, "utf8"));
    const statuses = testResults.flatMap((file) => {
      const each = file.assertionResults.map(({ status }) => status);
      // A file that could not be loaded, or whose hook failed, has failed without a test that says so.
      return file.status === "failed" && !each.includes("failed") ? [...each, "failed"] : each;
    });
    const count = (wanted) => statuses.filter((status) => wanted.includes(status)).length;
    return { passed: count(["passed"]), failed: count(["failed"]), skipped: count(["pending", "skipped", "todo", "disabled"]) };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
