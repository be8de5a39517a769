import { expect, it } from 'vitest';
import { CommandCancelled } from '../../../src/lib/command-errors.ts';
import { runCommand } from '../../../src/lib/run-command.ts';

it('kills a command that ignores the request to end', async () => {
  const controller = new AbortController();
  const running = runCommand({
    file: 'sh',
    args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'],
    signal: controller.signal,
    onLine: () => controller.abort(),
  });
  await expect(running).rejects.toBeInstanceOf(CommandCancelled);
});
