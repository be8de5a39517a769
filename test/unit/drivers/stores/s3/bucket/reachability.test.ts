import { beforeEach, describe, expect, it } from 'vitest';
import { createReachability, type Reachability } from '../../../../../../src/drivers/stores/s3/bucket/reachability.ts';

const REFUSED = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
const DENIED = Object.assign(new Error('denied'), { name: 'AccessDenied' });

it('tries reads once for a while after the server was given up, and writes as long as ever', () => {
  let now = 0;
  const server = createReachability({ nowMs: () => now });
  expect(server.patience(15_000, true)).toBe(15_000);
  server.failed(REFUSED);
  expect([server.patience(15_000, true), server.patience(120_000, false)]).toEqual([0, 120_000]);
  now = 29_999;
  expect(server.patience(15_000, true)).toBe(0);
  now = 30_000;
  expect(server.patience(15_000, true)).toBe(15_000);
});

it('forgets it as soon as the server answers, and takes a refusal for no absence', () => {
  const server = createReachability({ nowMs: () => 0 });
  server.failed(REFUSED);
  server.answered();
  expect(server.patience(15_000, true)).toBe(15_000);
  server.failed(DENIED);
  expect(server.patience(15_000, true)).toBe(15_000);
});

describe('who waits for a server', () => {
  let now: number;
  let told: unknown[];
  let server: Reachability;

  beforeEach(() => {
    now = 0;
    told = [];
    server = createReachability({ nowMs: () => now, tell: (trouble) => told.push(trouble) });
  });

  it('is told nothing of what passes at once, and of the rest once', () => {
    server.troubled({ error: REFUSED, lastsMs: 1_999, leftMs: 13_000 });
    expect(told).toEqual([]);
    server.troubled({ error: REFUSED, lastsMs: 2_000, leftMs: 12_000 });
    server.troubled({ error: REFUSED, lastsMs: 6_000, leftMs: 9_000 });
    expect(told).toEqual([{ error: REFUSED, leftMs: 12_000 }]);
  });

  it.each(['Silence', 'TimeoutError'])('is told at once of %s, which took its time', (name) => {
    const error = Object.assign(new Error('no answer'), { name });
    server.troubled({ error, lastsMs: 80, leftMs: 14_000 });
    expect(told).toEqual([{ error, leftMs: 14_000 }]);
  });

  it('is told again when it answered in between for a while', () => {
    const trouble = { error: REFUSED, lastsMs: 3_000, leftMs: 1_000 };
    server.troubled(trouble);
    server.answered();
    now = 59_000;
    server.troubled(trouble);
    server.answered();
    now = 118_000;
    server.troubled(trouble);
    expect(told).toHaveLength(1);
    server.answered();
    now = 178_000;
    server.troubled(trouble);
    expect(told).toHaveLength(2);
  });

  it('is told once of an outage in which it is asked rarely', () => {
    const trouble = { error: REFUSED, lastsMs: 3_000, leftMs: 1_000 };
    server.troubled(trouble);
    now = 3_600_000;
    server.troubled(trouble);
    expect(told).toHaveLength(1);
  });
});
