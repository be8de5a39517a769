import { describe, expect, it } from 'vitest';
import {
  endBackingChain,
  forgetBackingChain,
  statesBackingChain,
} from '../../../../src/model/domain-xml/disk-chain.ts';

const CHAIN = "<backingStore type='file'><format type='qcow2'/><source file='/base'/><backingStore/></backingStore>";

function domain(vda: string, vdb = ''): string {
  const disk = (target: string, inner: string) =>
    `<disk type="file"><source file="/${target}"/>${inner}<target dev="${target}"/></disk>`;
  return `<domain><name>x</name><devices>${disk('vda', vda)}${disk('vdb', vdb)}</devices></domain>`;
}

describe('the chain that a definition states', () => {
  it.each([
    ['of a thin disk', domain(CHAIN), true],
    ['is none where it only says that there is none', domain('<backingStore/>'), false],
    ['is none where nothing is said', domain(''), false],
    ['is not that of another disk', domain('', CHAIN), false],
  ])('%s', (_what, xml, isStated) => {
    expect(statesBackingChain(xml, 'vda')).toBe(isStated);
  });

  it('is left to the header, of that disk alone', () => {
    const xml = forgetBackingChain(domain(CHAIN, CHAIN), 'vda');
    expect(xml).toBe(forgetBackingChain(domain('', CHAIN), 'none'));
  });

  it('ends with the disk, of that disk alone', () => {
    const xml = endBackingChain(domain(CHAIN, CHAIN), 'vda');
    expect(xml).toContain('<source file="/vda"/><target dev="vda"/><backingStore/></disk>');
    expect(statesBackingChain(xml, 'vdb')).toBe(true);
    expect(endBackingChain(xml, 'vda')).toBe(xml);
  });
});
