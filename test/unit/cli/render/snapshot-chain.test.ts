import { expect, it } from 'vitest';
import { createOutput } from '../../../../src/cli/output.ts';
import { drawChain } from '../../../../src/cli/render/snapshot-chain.ts';
import { formatTime } from '../../../../src/cli/render/text.ts';
import { sampleChain, sampleSnapshot } from '../../agent/samples.ts';
import { FakeStream } from '../fake-terminal.ts';

function outputWith(locale: string) {
  const streams = { stdout: new FakeStream(), stderr: new FakeStream() };
  return createOutput(streams, { isJson: false, environment: { LANG: locale } });
}

const FIRST = formatTime('2026-03-01T12:00:00.000Z');
const SECOND = formatTime('2026-03-02T12:00:00.000Z');

it('draws what a snapshot stands on above it, and its children below', () => {
  expect(drawChain(outputWith('C.UTF-8'), sampleChain, sampleSnapshot.id)).toEqual([
    `◌ 0b9f5f0a  full      1.5 GiB  ${FIRST}  hidden, but needed`,
    `● 7c6b5a49  compare  64.0 MiB  ${SECOND}  this one`,
    `├─○ 33333333  bitmap    1.0 MiB  ${SECOND}`,
    `└─○ 44444444  bitmap    1.0 MiB  ${SECOND}`,
  ]);
});

it('draws with ASCII alone where nothing else can be shown', () => {
  const text = drawChain(outputWith('C'), sampleChain, sampleSnapshot.id).join('\n');
  expect(text).toMatch(/^[ -~\n]+$/);
  expect(text).toContain('* 7c6b5a49');
});

it('says which ones failed a verify', () => {
  const chain = sampleChain.map((link) => ({ ...link, status: 'error' as const }));
  const lines = drawChain(outputWith('C.UTF-8'), chain, sampleSnapshot.id);
  expect(lines.map((line) => line.includes('failed a verify'))).toEqual([true, true, true, true]);
  expect(lines[1]).toMatch(/this one, failed a verify$/);
});
