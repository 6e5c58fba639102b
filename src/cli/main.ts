import { main } from "./program.ts";
import { processOutput } from "./output.ts";
import { listenForStop } from "./stop.ts";

const output = processOutput(process);
const stop = listenForStop(process, (sentence) => output.talk(sentence));
const status = await main(process.argv.slice(2), { cwd: process.cwd(), env: process.env, output, stop });
// Connections that are kept alive would keep the process alive as well; what was written is flushed first.
process.stdout.write("", () => process.exit(status));
