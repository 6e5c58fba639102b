// The command, held back until it is told to go: node at-the-signal.mjs SCRIPT ARGUMENT… as a child with a channel.
// It says when it is ready: what takes longest, reading its own modules, lies behind it then.
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const [script, ...args] = process.argv.slice(2);
const chunks = join(dirname(script), "..", "dist", "chunks");
const modules = readdirSync(chunks).filter((name) => /^(advance|undici)-/.test(name));
await Promise.all(modules.map((name) => import(pathToFileURL(join(chunks, name)).href)));

const told = once(process, "message");
process.send("ready");
await told;
process.disconnect();
process.argv.splice(1, process.argv.length, script, ...args);
await import(pathToFileURL(script).href);
