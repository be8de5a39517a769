import { describe, expect, it } from 'vitest';
import { serialiseRequest } from '../../../../../../src/drivers/stores/s3/bucket/wire-request.ts';

const SIGNED = {
  protocol: 'http:',
  hostname: 'ceph.example',
  port: 7480,
  method: 'GET',
  path: '/bucket/a%20b',
  query: { 'x-id': "Get'Object" },
  headers: { host: 'ceph.example:7480', range: 'bytes=0-9' },
  username: undefined,
  body: undefined,
};

describe('a signed request', () => {
  it('is sent as it was signed', () => {
    expect(serialiseRequest(SIGNED)).toEqual({
      place: { isSecure: false, host: 'ceph.example', port: 7480 },
      head: 'GET /bucket/a%20b?x-id=Get%27Object HTTP/1.1\r\nhost: ceph.example:7480\r\nrange: bytes=0-9\r\n\r\n',
    });
  });

  it.each([
    ['http:', '[::1]', undefined, { isSecure: false, host: '::1', port: 80 }],
    ['https:', 's3.example', undefined, { isSecure: true, host: 's3.example', port: 443 }],
    ['https:', 's3.example', 8443, { isSecure: true, host: 's3.example', port: 8443 }],
  ])('goes to %s//%s, port %s', (protocol, hostname, port, place) => {
    expect(serialiseRequest({ ...SIGNED, protocol, hostname, port })?.place).toEqual(place);
  });

  it.each([
    ['a body', { body: 'x' }],
    ['another method', { method: 'PUT' }],
    ['a line break in a field', { headers: { 'if-match': '"a"\r\nx: y' } }],
    ['a line break in its path', { path: '/a\r\nb' }],
    ['a user of its own', { username: 'ann' }],
    ['a query that is a list', { query: { a: ['1', '2'] } }],
  ])('is left to the SDK with %s', (_what, change) => {
    expect(serialiseRequest({ ...SIGNED, ...change })).toBeNull();
  });
});
