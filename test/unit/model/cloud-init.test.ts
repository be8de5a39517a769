import { describe, expect, it } from 'vitest';
import { buildSeed, hostNameOf } from '../../../src/model/cloud-init.ts';

const ID = 'ab12cd34-0000-4000-8000-000000000000';
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@"home" ünï';

describe('buildSeed', () => {
  it('gives the instance an id of its own, its name and the keys in the meta-data', () => {
    const { metaData } = buildSeed({ instanceId: ID, instanceName: 'web', sshKeys: [`${KEY}\n`], userData: null });
    expect(JSON.parse(metaData)).toEqual({ 'instance-id': ID, 'local-hostname': 'web', 'public-keys': [KEY] });
  });

  it('passes user data through byte for byte, keys or not', () => {
    const userData = '#!/bin/sh\r\necho "ü" > /x\n\n';
    expect(buildSeed({ instanceId: ID, instanceName: 'web', sshKeys: [KEY], userData }).userData).toBe(userData);
  });

  it('says nothing in user data where none is given', () => {
    expect(buildSeed({ instanceId: ID, instanceName: 'web', sshKeys: [], userData: null }).userData).toBe(
      '#cloud-config\n{}\n',
    );
  });
});

describe('hostNameOf', () => {
  it.each([
    ['web-1', 'web-1'],
    ['Web_Server 1', 'web-server-1'],
    ['web.example.org', 'web.example.org'],
    ['Übergröße', 'ubergro-e'],
    ['日本語', 'instance-ab12cd34'],
    ['日本語-db', 'db'],
    ['-a-', 'a'],
    ['...', 'instance-ab12cd34'],
    ['a'.repeat(255), 'a'.repeat(63)],
    [`${'a'.repeat(40)}.${'b'.repeat(40)}`, 'a'.repeat(40)],
    [`${'a'.repeat(62)}- b`, 'a'.repeat(62)],
  ])('of %s is %s', (name, expected) => {
    expect(hostNameOf(name, ID)).toBe(expected);
  });
});
