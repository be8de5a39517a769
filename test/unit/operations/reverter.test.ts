import { expect, it } from 'vitest';
import { createLogger } from '../../../src/lib/logger.ts';
import { Reverter } from '../../../src/operations/support/reverter.ts';

const log = createLogger({ level: 'silent', isPretty: false });

it('undoes last things first, and goes on when one cannot be undone', async () => {
  const undone: string[] = [];
  const failure = new Error('the failure itself');
  const work = async (): Promise<void> => {
    await using revert = new Reverter(log);
    revert.add('first', async () => void undone.push('first'));
    revert.add('second', async () => {
      undone.push('second');
      throw new Error('cannot be undone');
    });
    revert.add('third', async () => void undone.push('third'));
    throw failure;
  };
  await expect(work()).rejects.toBe(failure);
  expect(undone).toEqual(['third', 'second', 'first']);
});

it('undoes nothing that was committed, but what came after', async () => {
  const undone: string[] = [];
  {
    await using revert = new Reverter(log);
    revert.add('first', async () => void undone.push('first'));
    revert.commit();
    revert.add('second', async () => void undone.push('second'));
  }
  expect(undone).toEqual(['second']);
});
