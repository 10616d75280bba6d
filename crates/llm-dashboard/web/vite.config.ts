// Builds into ../dist, which is committed: names are stable, and what a file holds is told by the `v` in its address.
import { createHash } from "node:crypto";
import { defineConfig, type Plugin } from "vite";

/** Puts relative addresses with versions into the page: it may be served below any prefix. */
function versions(): Plugin {
  return {
    name: "versions",
    enforce: "post",
    generateBundle(_options, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") return;
      let html = String(page.source);
      for (const [name, file] of Object.entries(bundle)) {
        if (name === "index.html") continue;
        const bytes = file.type === "asset" ? file.source : file.code;
        const version = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
        html = html.replaceAll(`/ui/${name}"`, `${name}?v=${version}"`);
      }
      page.source = html.replaceAll(" crossorigin", "");
    },
  };
}

export default defineConfig({
  base: "/ui/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [versions()],
  server: { proxy: { "/ui/api": "http://127.0.0.1:4000", "/ui/session": "http://127.0.0.1:4000" } },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    // The first browsers with `light-dark()`, which is not to be written in another way.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    sourcemap: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rolldownOptions: {
      output: { entryFileNames: "app.js", chunkFileNames: "[name].js", assetFileNames: (file) => (file.names[0]?.endsWith(".css") ? "app.css" : "[name][extname]"), codeSplitting: false },
    },
  },
});
