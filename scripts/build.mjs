#!/usr/bin/env node
// Compiles src, then bundles the entry and the threads: hundreds of small modules would cost each command half a second.
// Builds aside and swaps at the end, so that what runs from dist never sees half of it.
import { execFileSync } from 'node:child_process';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const fresh = `${root}/dist.new`;

// paths of files that run as programs of their own, as the compiler places them
const ENTRIES = [
  'cli/main',
  'drivers/libvirt/threads/call-worker',
  'drivers/libvirt/threads/event-worker',
  'drivers/host/hash-worker',
];
// native, or loaded only where they are wanted
const EXTERNAL = [
  'koffi',
  '@photostructure/sqlite',
  'pino-pretty',
  'yaml',
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
];

rmSync(fresh, { recursive: true, force: true });
execFileSync(`${root}/node_modules/.bin/tsc`, ['-p', `${root}/tsconfig.json`, '--outDir', fresh], { stdio: 'inherit' });
const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((entry) => [entry, `${fresh}/${entry}.js`])),
  platform: 'node',
  external: EXTERNAL,
});
await bundle.write({
  dir: fresh,
  format: 'esm',
  chunkFileNames: 'chunks/[name]-[hash].js',
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
});
await bundle.close();
chmodSync(`${fresh}/cli/main.js`, 0o755);
rmSync(`${root}/dist`, { recursive: true, force: true });
renameSync(fresh, `${root}/dist`);
