#!/usr/bin/env node
// npm run bench: measures against the same work done by hand, in one run, and prints a table. The figures also go to
// bench-results.jsonl. Wants an otherwise idle machine.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const results = process.env.DARKROOM_BENCH_RESULTS ?? `${root}bench-results.jsonl`;

execFileSync(`${root}scripts/install-host`, ['--bench'], { stdio: ['ignore', 'inherit', 'inherit'] });
rmSync(results, { force: true });
const vitest = ['vitest', 'run', '--config', 'test/bench/vitest.config.ts', ...process.argv.slice(2)];
const { status } = spawnSync('npx', vitest, { cwd: root, stdio: 'inherit' });
printTable(
  readFileSync(results, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)),
);
process.exit(status ?? 1);

function printTable(rows) {
  const version = (file) => execFileSync(file, ['--version'], { encoding: 'utf8' }).split('\n')[0];
  console.log(`\n${os.cpus().length} × ${os.cpus()[0].model}, Node ${process.version}, ${version('qemu-img')}\n`);
  console.log('| what | Darkroom | by hand | ratio | target | met |\n|---|---|---|---|---|---|');
  for (const { what, ours, theirs, unit, limit, isMet } of rows) {
    const ratio = theirs === null ? '' : (ours / theirs).toFixed(2);
    const hand = theirs === null ? '' : `${theirs} ${unit}`;
    console.log(
      `| ${what} | ${ours} ${unit} | ${hand} | ${ratio} | ${limit} | ${isMet === null ? '' : isMet ? 'yes' : 'NO'} |`,
    );
  }
}
