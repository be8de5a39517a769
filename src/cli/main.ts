#!/usr/bin/env node
import { createRequire } from 'node:module';
import { createProcessInterrupts } from './interrupts.ts';
import type { OpenContext } from './open-context.ts';
import { runCli } from './run-cli.ts';

/** A reader that goes away (`| head`) has seen enough; there is nobody left to tell. */
function ignoreClosedReader(stream: NodeJS.WriteStream): void {
  stream.on('error', () => {});
}

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
ignoreClosedReader(process.stdout);
ignoreClosedReader(process.stderr);
const exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  interrupts: createProcessInterrupts(),
  version,
  open,
});
await Promise.all([process.stdout, process.stderr].map(flush));
// at once: while Node takes itself apart it listens to no signal, and a late Ctrl-C would deny what was done
process.exit(exitCode);
