// One of several writers of a store, in a process of its own: node store-process.mjs MODULE FACTORY ARGUMENTS NAME LAST WHO
// At "go" on stdin it creates the next number again and again until LAST is there, and prints which numbers it has won
// and how many it has lost. Its entries name it.
import { once } from "node:events";

const [module, factory, given, name, last, who] = process.argv.slice(2);
const store = (await import(module))[factory](...JSON.parse(given));
const won = [];
let lost = 0;

process.stdout.write("ready\n");
await once(process.stdin, "data");
try {
  for (;;) {
    const head = (await store.read(name, -1))[0]?.seq ?? 0;
    if (head >= Number(last)) break;
    try {
      await store.create(name, head + 1, Buffer.from(`${who} ${head + 1}\n`));
      won.push(head + 1);
    } catch (error) {
      if (error.name !== "Taken") throw error;
      lost++;
    }
  }
  process.stdout.write(`${JSON.stringify({ won, lost })}\n`);
} catch ({ name, code, message, hint }) {
  process.stdout.write(`${JSON.stringify({ failure: { name, code, message, hint } })}\n`);
}
process.exit(0);
