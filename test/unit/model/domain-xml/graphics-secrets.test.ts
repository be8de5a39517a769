import { expect, it } from 'vitest';
import { withoutDisplayPasswords } from '../../../../src/model/domain-xml/graphics-secrets.ts';

it('takes the passwords of all displays out, and nothing else', () => {
  const xml =
    '<domain><devices><graphics type="vnc" passwd="a" passwdValidTo="2030-01-01T00:00:00" port="1"/>' +
    '<graphics type="spice" passwd="b"/></devices></domain>';
  expect(withoutDisplayPasswords(xml)).toBe(
    '<domain><devices><graphics type="vnc" port="1"/><graphics type="spice"/></devices></domain>',
  );
});
