// A flag backend as a program: keeps a percentage and a revision in a file. Put your flag system's calls in its place.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const [file = "flag.json"] = process.argv.slice(2);
const question = JSON.parse(readFileSync(0, "utf8"));
const flag = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { percentage: 0, revision: 0 };

function answer() {
  if (question.version !== 1) return { error: "this program knows version 1 of the questions only" };
  if (question.action === "read") return { percentage: flag.percentage, revision: String(flag.revision) };
  // A person who writes by hand gives no revision.
  if (question.ifRevision !== undefined && question.ifRevision !== String(flag.revision)) {
    return { conflict: `the flag is at revision ${flag.revision}` };
  }
  const written = { percentage: question.exposure.percentage, revision: flag.revision + 1 };
  writeFileSync(`${file}.new`, `${JSON.stringify(written)}\n`);
  renameSync(`${file}.new`, file);
  return { revision: String(written.revision) };
}

console.log(JSON.stringify(answer()));
