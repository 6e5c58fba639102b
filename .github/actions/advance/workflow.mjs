// How a step talks to the runner: workflow commands on stdout, and files that its environment names.
import { randomUUID } from "node:crypto";
import { appendFile } from "node:fs/promises";

/** The most characters of an annotation: it is a hint beside a line. */
const MOST_CHARACTERS = 2_000;

/** Text behind the last `::` of a workflow command. */
function dataOf(text) {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** The value of a property of a workflow command. */
function propertyOf(value) {
  return dataOf(String(value)).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** What steers a terminal or reorders text has no place in a log; line breaks are kept. */
function plain(text) {
  return text.replace(/[^\P{C}\n]/gu, "?");
}

/** Shows a message beside the run and, where it has a file, beside its line. `kind`: error, warning or notice. */
export function annotate({ kind, message, ...places }) {
  const properties = Object.entries(places)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${propertyOf(plain(String(value)))}`);
  const head = properties.length > 0 ? `${kind} ${properties.join(",")}` : kind;
  process.stdout.write(`::${head}::${dataOf(plain(message).slice(0, MOST_CHARACTERS))}\n`);
}

/** Outputs of the step. Each value stands between delimiters that nobody can guess. */
export async function writeOutputs(file, outputs) {
  if (!file) return;
  const lines = Object.entries(outputs).map(([name, value]) => {
    const delimiter = `rollout-${randomUUID()}`;
    return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
  });
  await appendFile(file, lines.join(""));
}

/** Does something whose words are not ours, while the runner takes nothing for a command. */
export async function withoutCommands(work) {
  const token = randomUUID();
  process.stdout.write(`::stop-commands::${token}\n`);
  try {
    return await work();
  } finally {
    process.stdout.write(`\n::${token}::\n`);
  }
}

/** Writes lines to the log, each with its time and none twice in a row. Only for words that the runner takes for no command. */
export function sayOnce() {
  let before;
  return (text) => {
    if (text !== before) process.stdout.write(`${new Date().toISOString()} ${plain(text).replaceAll("\n", " ")}\n`);
    before = text;
  };
}
