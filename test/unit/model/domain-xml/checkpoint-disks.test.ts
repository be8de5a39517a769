import { describe, expect, it } from 'vitest';
import { withoutCheckpointDisk } from '../../../../src/model/domain-xml/checkpoint-disks.ts';
import { readCheckpoint } from '../../../../src/model/domain-xml/checkpoint-xml.ts';

const XML =
  '<domaincheckpoint><name>c</name><parent><name>p</name></parent><creationTime>7</creationTime><disks>' +
  '<disk name="vda" checkpoint="bitmap" bitmap="c" size="65536"/><disk name="vdb" checkpoint="bitmap" bitmap="c"/></disks>' +
  '<domain><devices><disk name="vda"/></devices></domain></domaincheckpoint>';

describe('a checkpoint without one of its disks', () => {
  it('says that this one takes no part, and the rest as before', () => {
    const xml = withoutCheckpointDisk(XML, 'vda');
    expect(xml).toContain('<disk name="vda" checkpoint="no"/><disk name="vdb" checkpoint="bitmap" bitmap="c"/>');
    expect(xml).toContain('<devices><disk name="vda"/></devices>');
    expect(readCheckpoint(xml)).toMatchObject({ parent: 'p', targets: ['vdb'], creationTime: 7 });
  });

  it('is the same where it never covered it', () => {
    expect(withoutCheckpointDisk(XML, 'vdz')).toBe(XML);
  });
});
