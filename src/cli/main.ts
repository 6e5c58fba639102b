import { main } from "./program.ts";
import { processOutput } from "./output.ts";
import { listenForStop } from "./stop.ts";

const output = processOutput(process);
const stop = listenForStop(process, (sentence) => output.talk(sentence));
const status = await main(process.argv.slice(2), { cwd: workingDirectory(), env: process.env, output, stop });
// Connections that are kept alive would keep the process alive as well; what was written is flushed first.
process.stdout.write("", () => setImmediate(leave));

function leave(): void {
  const failure = output.failure();
  if (failure !== undefined) output.talk(`error: the result could not be written; what it tells of was done: ${failure}`);
  process.exit(status === 0 && failure !== undefined ? 5 : status);
}

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    output.talk("error: the folder that this command was started in is not there any more");
    return process.exit(2);
  }
}
