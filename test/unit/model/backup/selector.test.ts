import { describe, expect, it } from 'vitest';
import type { InstanceSelector } from '../../../../src/model/backup/schedule.ts';
import { covers } from '../../../../src/model/backup/selector.ts';

const WEB = { id: 'web', labels: { tier: 'front', 'a.b/c': '' } };

describe('what a selector of a schedule means', () => {
  it.each<[string, InstanceSelector, boolean]>([
    ['the instance itself', { kind: 'instance', instanceId: 'web' }, true],
    ['not another one', { kind: 'instance', instanceId: 'we' }, false],
    ['all', { kind: 'all' }, true],
    ['one with the label', { kind: 'label', key: 'tier', value: 'front' }, true],
    ['one whose label is empty', { kind: 'label', key: 'a.b/c', value: '' }, true],
    ['not one whose label has another value', { kind: 'label', key: 'tier', value: 'Front' }, false],
    ['not one without the label', { kind: 'label', key: 'team', value: 'front' }, false],
    ['not what every object has', { kind: 'label', key: 'constructor', value: String(Object) }, false],
  ])('%s', (_title, selector, isMeant) => {
    expect(covers(selector, WEB)).toBe(isMeant);
  });
});
