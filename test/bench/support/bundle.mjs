import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "rolldown";

/**
 * Bundles a TypeScript file into a folder, as the product is bundled, and returns the path of the script. What finds
 * files beside itself goes on finding them where its source is.
 */
export async function bundle(entry, folder) {
  const name = basename(entry, ".ts");
  await build({
    input: { [name]: entry },
    platform: "node",
    logLevel: "warn",
    output: { dir: folder, format: "esm", entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" },
    plugins: [
      {
        name: "places",
        transform: (code, id) =>
          id.endsWith(".ts") ? code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href)) : undefined,
      },
    ],
  });
  return join(folder, `${name}.mjs`);
}
