import type { StoreInitReport } from "./storeInit.schema.ts";
import { terminalText } from "./text.ts";

/** It, for the terminal. */
export function storeInitView({ store, done }: StoreInitReport): string {
  const sentences = done.length > 0 ? done : [`nothing to prepare: ${store} is made with its first entry`];
  return `${sentences.map(terminalText).join("\n")}\n`;
}
