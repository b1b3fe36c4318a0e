import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const service = process.env["COVENANT_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../api/_frontend",
    emptyOutDir: true,
    // The content security policy allows no inline script or style, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    // npm run size knows the budget.
    chunkSizeWarningLimit: 1_000,
  },
  server: { proxy: { "/api": service, "/health": service } },
  test: {
    environment: "jsdom",
    setupFiles: ["./src/testing/setup.ts"],
    restoreMocks: true,
    unstubGlobals: true,
    css: false,
    pool: "threads",
    isolate: false,
    testTimeout: 20_000,
  },
});
