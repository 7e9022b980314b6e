// Builds the package @profcards/verify out of the app's own card module: one file without dependencies, its types, and
// the licences of what is inside. Into verify/dist, or into the folder that is named.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const app = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(app, 'src/core/card');
const dist = resolve(process.argv[2] ?? join(app, 'verify/dist'));
const inside = ['cborg', '@noble/ed25519'];

rmSync(dist, { recursive: true, force: true });
await build({
  configFile: false,
  root: app,
  publicDir: false,
  logLevel: 'warn',
  build: {
    outDir: dist,
    emptyOutDir: false,
    target: 'es2022',
    minify: true,
    lib: { entry: join(source, 'index.ts'), formats: ['es'], fileName: () => 'index.js' },
    rollupOptions: { output: { codeSplitting: false } },
  },
});

execFileSync(
  join(app, 'node_modules/.bin/tsc'),
  [
    join(source, 'index.ts'),
    '--declaration',
    '--emitDeclarationOnly',
    '--outDir',
    dist,
    '--rootDir',
    source,
    '--target',
    'es2022',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
    '--lib',
    'es2023,dom,dom.iterable',
    '--strict',
    '--skipLibCheck',
  ],
  { cwd: app, stdio: 'inherit' },
);
// Under Node's rules of resolution a relative import has its extension.
for (const name of readdirSync(dist).filter((file) => file.endsWith('.d.ts'))) {
  const types = readFileSync(join(dist, name), 'utf8');
  writeFileSync(join(dist, name), types.replace(/(from|import\()(\s*)'(\.\/[\w-]+)'/g, "$1$2'$3.js'"));
}

const licences = inside.map((name) => {
  const { version } = JSON.parse(readFileSync(join(app, 'node_modules', name, 'package.json'), 'utf8'));
  return `${name} ${version}\n\n${readFileSync(join(app, 'node_modules', name, 'LICENSE'), 'utf8').trim()}\n`;
});
writeFileSync(join(dist, 'LICENSES.txt'), licences.join(`\n${'-'.repeat(100)}\n\n`));

const bundle = readFileSync(join(dist, 'index.js'));
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
console.log(
  `@profcards/verify: index.js ${kib(bundle.length)}, ${kib(gzipSync(bundle, { level: 9 }).length)} compressed`,
);
