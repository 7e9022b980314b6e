// Builds the page of the kit (/dev/kit of the development server) into the folder that is named, for the browser tests.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const app = join(dirname(fileURLToPath(import.meta.url)), '..');

await build({
  configFile: false,
  root: app,
  publicDir: false,
  logLevel: 'warn',
  plugins: [svelte()],
  build: {
    outDir: resolve(process.argv[2]),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rollupOptions: { input: join(app, 'dev/kit.html') },
  },
});
