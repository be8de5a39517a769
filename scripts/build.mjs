#!/usr/bin/env node
// Compiles src to dist from scratch and marks the entry executable.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
execFileSync(`${root}/node_modules/.bin/tsc`, ['-p', `${root}/tsconfig.json`], { stdio: 'inherit' });
chmodSync(`${root}/dist/cli/main.js`, 0o755);
