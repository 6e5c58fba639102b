import type { ArchiveReport, StoreCopyReport, StoreInitReport } from "./store.schema.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** What preparing a store came to, for the terminal. */
export function storeInitView({ store, done }: StoreInitReport): string {
  const sentences = done.length > 0 ? done : [`nothing to prepare: ${store} is made with its first entry`];
  return `${sentences.map(terminalText).join("\n")}\n`;
}

/** What copying came to, for the terminal. */
export function storeCopyView({ from, to, ledgers }: StoreCopyReport, style: Style = plainStyle): string {
  const running = ledgers.filter(({ ended }) => !ended).map(({ rollout }) => rollout);
  const lines = [
    ...ledgers.map(({ rollout, head }) => `${style.bold(terminalText(rollout))}  ${style.dim(`head ${head.seq} ${head.hash}`)}`),
    `${ledgers.length} ${ledgers.length === 1 ? "ledger" : "ledgers"} copied from ${terminalText(from)} to ${terminalText(to)}, checked and read back`,
    ...(running.length > 0
      ? [
          style.yellow(
            `not over yet: ${running.join(", ")}. Whoever goes on with it must use the one store or the other, never both: set --store or ROLLOUT_STORE everywhere`,
          ),
        ]
      : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** That a ledger is in a file now, for the terminal. */
export function archiveView({ rollout, file, entries, head }: ArchiveReport, style: Style = plainStyle): string {
  const name = terminalText(file);
  return [
    `${style.bold(rollout)}: ${entries} ${entries === 1 ? "entry" : "entries"} in ${name}, checked and read back`,
    `to look at it: rollout log ${rollout} --store archive:${name}; nothing was removed from the store`,
    style.dim(`head ${head.seq} ${head.hash}`),
    "",
  ].join("\n");
}
