import { openRun } from "../../src/io/exec.ts";
import { gitStore } from "../../src/ledger/git.ts";
import type { Store, StoreTools } from "../../src/ledger/port.ts";

/** Opens a git store as the command does, with real programs; what it wants hidden is kept. */
export function openGit(address: string, cwd: string, env: Record<string, string>, { secrets = [] }: { secrets?: string[] } = {}): Store {
  const redact = (text: string) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, "[secret]"), text);
  const tools: StoreTools = {
    cwd,
    env,
    run: openRun({ redact }),
    hide: (secret) => secrets.push(secret),
    redact,
  };
  return gitStore(address, tools);
}
