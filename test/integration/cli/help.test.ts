import { expect, it } from 'vitest';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

interface Help {
  readonly command: string;
  readonly text: string;
}

/** Of everything that can be typed, from nouns to verbs of verbs. */
async function readHelps(words: readonly string[] = []): Promise<readonly Help[]> {
  const terminal = new FakeTerminal();
  expect(await terminal.run(...words, '--help')).toBe(0);
  const { text } = terminal.stdout;
  const command = ['darkroom', ...words].join(' ');
  const below = [...text.matchAll(new RegExp(`^ {2}${command} ([a-z]+)`, 'gm'))].map(([, name]) => name ?? '');
  // completion takes no --help: it prints its script
  const names = below.filter((name) => name !== 'completion');
  const helps = await Promise.all(names.map((name) => readHelps([...words, name])));
  return [{ command, text }, ...helps.flat()];
}

it('names each choice of an option once in the help of every command', async () => {
  const helps = await readHelps();
  expect(helps.length).toBeGreaterThan(60);
  for (const { command, text } of helps) {
    for (const [, list = ''] of text.replace(/\s+/g, ' ').matchAll(/\[choices: ([^\]]*)\]/g)) {
      const choices = list.split(', ');
      expect(choices, command).toEqual([...new Set(choices)]);
    }
  }
});
