import { svelte } from '@sveltejs/vite-plugin-svelte';
import { VitePWA } from 'vite-plugin-pwa';
import { defineConfig } from 'vitest/config';
import { BUILD_TARGET } from './scripts/browsers.mjs';

const server = 'http://127.0.0.1:8080';
const proxy = Object.fromEntries(['/api', '/.well-known', '/shell.json'].map((path) => [path, { target: server }]));

export default defineConfig({
  plugins: [
    svelte(),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src',
      filename: 'sw.ts',
      // The manifest is a plain file in public/, and main.ts registers the worker itself:
      // an update is offered, never forced.
      manifest: false,
      injectRegister: false,
      injectManifest: {
        globPatterns: ['**/*.{js,css,html,svg,png,webmanifest,wasm}'],
        // The system fetches the installed app's icons by itself.
        globIgnores: ['icons/*.png', '**/.vite/**'],
        maximumFileSizeToCacheInBytes: 3_000_000,
        // The server replaces the literal by the hash of its shell.json, so that a till's pins
        // change exactly when the app shell does.
        additionalManifestEntries: [{ url: '/shell.json', revision: '__SHELL_REVISION__' }],
      },
    }),
  ],
  build: {
    target: BUILD_TARGET,
    manifest: true,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What the first load needs comes in one file; by what each later screen shares with it, it would be cut into many.
        codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] },
      },
    },
    // Nothing becomes a data: URL: scripts and workers must load under script-src 'self'.
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
  server: { proxy },
  preview: { proxy },
  test: {
    environment: 'node',
    include: ['{src,verify}/**/*.test.ts'],
  },
});
