import { afterAll, beforeAll, describe, it } from 'vitest';
import { runCommand } from '../e2e/support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from '../e2e/support/run-darkroom.ts';
import { report } from './report.ts';
import { median, round } from './statistics.ts';

const RUNS = 15;

describe('start of a command', () => {
  let darkroom: DarkroomHost;
  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    await darkroom.run(['image', 'list']);
  });
  afterAll(() => darkroom[Symbol.asyncDispose]());

  it('image list against node -e 0', async () => {
    const ours: number[] = [];
    const node: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      node.push(await timed(() => runCommand(process.execPath, ['-e', '0'])));
      ours.push(await timed(() => darkroom.run(['image', 'list'])));
    }
    const [ourMs, nodeMs] = [median(ours), median(node)];
    await report([
      {
        what: 'image list',
        ours: round(ourMs, 0),
        theirs: round(nodeMs, 0),
        unit: 'ms',
        limit: 'at most 5 × node -e 0',
        isMet: ourMs <= 5 * nodeMs,
      },
    ]);
  });
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
