import { describe, expect, it } from 'vitest';
import { isUuid, newUuid, uuidV5 } from '../../../src/lib/uuid.ts';

const DNS_NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

describe('uuidV5', () => {
  it('gives the example of RFC 9562, appendix A.4', () => {
    expect(uuidV5(DNS_NAMESPACE, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('refuses a namespace that is not a UUID', () => {
    expect(() => uuidV5('dns', 'x')).toThrow(TypeError);
  });
});

describe('newUuid', () => {
  it('gives a different UUID each time', () => {
    expect(isUuid(newUuid())).toBe(true);
    expect(newUuid()).not.toBe(newUuid());
  });
});

describe('isUuid', () => {
  it.each([
    [DNS_NAMESPACE, true],
    [DNS_NAMESPACE.toUpperCase(), true],
    ['6ba7b8109dad11d180b400c04fd430c8', false],
    [`${DNS_NAMESPACE}0`, false],
    [`${DNS_NAMESPACE}\n`, false],
    ['', false],
  ])('says of %j: %s', (text, expected) => {
    expect(isUuid(text)).toBe(expected);
  });
});
