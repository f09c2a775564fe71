import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vitest/config";

const frontend = "django_project/frontend";

export default defineConfig({
  // The site serves what is built here under STATIC_URL; django-vite finds it by the manifest.
  base: "/static/",
  publicDir: false,
  plugins: [tailwindcss()],
  build: {
    outDir: `${frontend}/dist`,
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        site: `${frontend}/site.ts`,
        "demo-wallet": `${frontend}/demo-wallet/main.ts`,
      },
    },
  },
  test: {
    environment: "jsdom",
    include: [`${frontend}/**/*.test.ts`],
    restoreMocks: true,
    // Against what hangs, on a busy machine too.
    testTimeout: 60_000,
  },
});
