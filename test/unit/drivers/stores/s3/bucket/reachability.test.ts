import { expect, it } from 'vitest';
import { createReachability } from '../../../../../../src/drivers/stores/s3/bucket/reachability.ts';

const REFUSED = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
const DENIED = Object.assign(new Error('denied'), { name: 'AccessDenied' });

it('tries reads once for a while after the server was given up, and writes as long as ever', () => {
  let now = 0;
  const server = createReachability(() => now);
  expect(server.patience(15_000, true)).toBe(15_000);
  server.failed(REFUSED);
  expect([server.patience(15_000, true), server.patience(120_000, false)]).toEqual([0, 120_000]);
  now = 29_999;
  expect(server.patience(15_000, true)).toBe(0);
  now = 30_000;
  expect(server.patience(15_000, true)).toBe(15_000);
});

it('forgets it as soon as the server answers, and takes a refusal for no absence', () => {
  const server = createReachability(() => 0);
  server.failed(REFUSED);
  server.answered();
  expect(server.patience(15_000, true)).toBe(15_000);
  server.failed(DENIED);
  expect(server.patience(15_000, true)).toBe(15_000);
});
