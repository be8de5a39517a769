import { readFile } from 'node:fs/promises';
import type { DarkroomHost } from '../e2e/support/run-darkroom.ts';

const POLL_MS = 20;

/** Largest resident set of the command's own process in MiB: VmHWM of proc(5). */
export async function peakMemoryMiB(darkroom: DarkroomHost, args: readonly string[]): Promise<number> {
  const running = darkroom.start(args);
  let peakKib = 0;
  const timer = setInterval(() => {
    readFile(`/proc/${running.pid}/status`, 'utf8').then(
      (status) => {
        peakKib = Math.max(peakKib, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
      },
      () => undefined,
    );
  }, POLL_MS);
  const { exitCode, stderr } = await running.ended;
  clearInterval(timer);
  if (exitCode !== 0) throw new Error(`darkroom ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
  return peakKib / 1024;
}
