import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { storeConformance } from "../conformance/stores.ts";
import { bareEnvironment, makeServed, removeEntry, type GitServer } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";
import { openGit } from "./gitOpener.ts";

/** A push costs as much as a hundred files. */
const lengths = { raced: 5, grown: 5, written: 5, together: 4 };

/**
 * What every store owes, by one way that git has to a repository.
 *
 * @param serve gives the addresses of repositories that lie in a folder
 * @param homes whether all who open it share a home, as the runners of one machine do, or each has its own
 */
export function gitConformance(kind: string, homes: "shared" | "own", serve: (folder: string) => Promise<GitServer>): void {
  describe.skipIf(!requireProgram("git"))("git", () => {
    let folder: string;
    let server: GitServer;
    let made = 0;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "rollout-git-"));
      server = await serve(folder);
    });
    afterAll(async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    });

    storeConformance(
      kind,
      async () => {
        const name = `team-${++made}.git`;
        const repository = makeServed(folder, name);
        const place = join(folder, `place-${made}`);
        await mkdir(place);
        let opened = 0;
        const home = () => bareEnvironment(homes === "shared" ? place : join(place, String(++opened)));
        const reopen = () => openGit(server.url(name), place, home());
        return {
          store: reopen(),
          reopen,
          opener: { module: "../test/ledger/gitOpener.ts", factory: "openGit", arguments: [server.url(name), place, home()] },
          remove: async (ledger, seq) => removeEntry(repository, ledger, seq),
        };
      },
      lengths,
    );
  });
}
