import { archiveStore } from "./archive.ts";
import { gitStore } from "./git.ts";
import type { OpenStore } from "./port.ts";
import { postgresStore } from "./postgres.ts";

export { archiveStore, writeArchive } from "./archive.ts";

const postgres: OpenStore = (address, tools) => postgresStore(`postgres:${address}`, tools);

/** The stores that an address names by its scheme, such as `git:origin`. What has no scheme is a directory. */
export const stores: Readonly<Record<string, OpenStore>> = { git: gitStore, postgres, postgresql: postgres, archive: archiveStore };
