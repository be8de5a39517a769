import { describe, expect, it } from 'vitest';
import { describeDomain } from '../../../../src/model/domain-xml/describe-domain.ts';
import { formatLabels, writeLabels } from '../../../../src/model/domain-xml/labels.ts';
import { parseXml, rootElement, serializeXml } from '../../../../src/model/domain-xml/xml.ts';

const NAMESPACE = 'urn:darkroom:labels:1';

function domain(metadata: string, elsewhere = ''): string {
  return `<domain type='kvm'><name>a</name>${metadata}<memory>1024</memory>${elsewhere}</domain>`;
}

function relabel(xml: string, labels: Readonly<Record<string, string>>): string {
  const document = parseXml(xml);
  writeLabels(rootElement(document), labels);
  return serializeXml(document);
}

function labelled(labels: string): string {
  return domain(`<metadata><x:labels xmlns:x='${NAMESPACE}'>${labels}</x:labels></metadata>`);
}

describe("labels in a domain's metadata", () => {
  it('are none where there is no metadata, or somebody else’s', () => {
    expect(describeDomain(domain('')).labels).toEqual({});
    const other = "<metadata><labels xmlns='urn:other'><label key='a' value='b'/></labels></metadata>";
    expect(describeDomain(domain(other)).labels).toEqual({});
  });

  it('are read whatever the prefix is, by key', () => {
    expect(describeDomain(labelled("<x:label key='b' value='2'/><x:label key='a' value='1'/>")).labels).toEqual({
      a: '1',
      b: '2',
    });
  });

  it('are read only where they belong', () => {
    const devices = `<devices><metadata><labels xmlns='${NAMESPACE}'><label key='a' value='b'/></labels></metadata></devices>`;
    expect(describeDomain(domain('', devices)).labels).toEqual({});
  });

  it('are passed over where somebody wrote what is none', () => {
    const wrong = "<x:label/><x:label key='a'/><x:label key='&lt;' value='v'/><x:note key='n' value='v'/>";
    expect(describeDomain(labelled(`${wrong}<x:label key='a' value='1'/>text`)).labels).toEqual({ a: '1' });
  });

  it('are at most 64, whoever wrote more', () => {
    const many = Array.from({ length: 80 }, (_, index) => `<x:label key='k${index}' value='v'/>`).join('');
    expect(Object.keys(describeDomain(labelled(many)).labels)).toHaveLength(64);
  });

  it('are written in the place of the old ones, and nothing else changes', () => {
    const note = "<mine:note xmlns:mine='urn:mine' keep='this'/>";
    const own = "<darkroom:instance xmlns:darkroom='urn:darkroom:instance:1' image='i' owner='ann'/>";
    const before = domain(`<metadata>${note}${own}</metadata>`);
    const after = relabel(relabel(before, { old: '1' }), { env: 'prod', 'a/b': '1.2' });
    expect(describeDomain(after)).toMatchObject({ labels: { env: 'prod', 'a/b': '1.2' }, imageId: 'i', owner: 'ann' });
    expect(after.match(/<darkroom:labels /g)).toHaveLength(1);
    expect(relabel(after, {})).toBe(relabel(before, {}));
    expect(relabel(after, {})).toContain('keep="this"');
  });

  it('get a place where there is none', () => {
    expect(describeDomain(relabel(domain(''), { env: 'prod' })).labels).toEqual({ env: 'prod' });
  });

  it('go to libvirt without their namespace', () => {
    expect(formatLabels({})).toBeNull();
    expect(formatLabels({ env: 'prod', a: '1' })).toBe(
      "<labels><label key='env' value='prod'/><label key='a' value='1'/></labels>",
    );
  });
});
