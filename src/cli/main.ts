#!/usr/bin/env node
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { createProcessInterrupts } from './interrupts.ts';
import { reportLoss, watchForLoss } from './lost-output.ts';
import type { OpenContext } from './open-context.ts';
import { createOutput } from './output.ts';
import { runCli } from './run-cli.ts';

/** A pipe takes what its reader has room for, and the rest later. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}

// What talks to libvirt and stores is loaded when a command needs it: help and completion do not.
const open: OpenContext = async (options) => {
  const { openContext } = await import('./open-context.ts');
  return await openContext(options);
};

const { version }: { version: string } = createRequire(import.meta.url)('../../package.json');
const findLoss = watchForLoss(process.stdout);
watchForLoss(process.stderr);
const args = process.argv.slice(2);
const ended = await runCli(args, {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  interrupts: createProcessInterrupts(),
  version,
  open,
});
await flush(process.stdout);
// a stream tells of a failed write in the next turn
await setImmediate();
const loss = findLoss();
const output = createOutput(process, { isJson: args.includes('--json'), environment: process.env });
const exitCode = loss === null ? ended : reportLoss(loss, { exitCode: ended, output });
await flush(process.stderr);
// at once: while Node takes itself apart it listens to no signal, and a late Ctrl-C would deny what was done
process.exit(exitCode);
