import { defineConfig } from "vitest/config";

// The dev server hands everything that is not the client itself to a running `althing up`.
const server = process.env["ALTHING_URL"] ?? "http://127.0.0.1:8000";
const forwarded = ["/config.js", "/xmpp-websocket", "/colibri-ws", "/conference-request", "/http-bind"];

export default defineConfig({
  // Absolute: the page is served under /ROOM and /TENANT/ROOM alike.
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: { target: "es2022", assetsInlineLimit: 0 },
  server: {
    proxy: Object.fromEntries(forwarded.map((path) => [path, { target: server, ws: true }])),
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"] },
});
