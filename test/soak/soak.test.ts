import { expect, it } from 'vitest';
import { readSoakOptions } from './options.ts';
import { runSoak } from './soak.ts';

it('guests, images and the agent outlive what dies around them', async () => {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const { wrongs } = await runSoak(readSoakOptions(process.env, say));
  expect(wrongs).toEqual([]);
});
