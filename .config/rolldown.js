import { defineConfig } from "rolldown";

export default defineConfig({
  input: { cli: "src/cli/main.ts", index: "src/app.ts" },
  platform: "node",
  output: { dir: "dist", format: "esm", cleanDir: true, chunkFileNames: "chunks/[name]-[hash].js", minify: false },
});
