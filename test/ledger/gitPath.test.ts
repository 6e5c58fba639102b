import { join } from "node:path";
import { gitConformance } from "./gitConformance.ts";

gitConformance("a repository at a path", "shared", async (folder) => ({ url: (name) => join(folder, name), close: async () => {} }));
