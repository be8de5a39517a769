import { describe, expect, it } from 'vitest';
import { submitOperation } from '../../../src/api/submit-operation.ts';
import type { ApiRequest, Transport } from '../../../src/api/transport.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import { sampleOperation } from '../agent/samples.ts';

const REQUEST: ApiRequest = { method: 'POST', path: '/v1/images', body: {} };
const PAUSES_MS = [1, 1];

function unreachable(seen: string): DarkroomError {
  return new DarkroomError('AGENT_UNREACHABLE', 'gone', { fields: { seen } });
}

/** Fails so often, and answers then. */
function failing(...failures: readonly Error[]): Transport & { readonly keys: (string | undefined)[] } {
  const left = [...failures];
  const keys: (string | undefined)[] = [];
  return {
    keys,
    send: async ({ headers }) => {
      keys.push(headers?.['idempotency-key']);
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      async function* body() {
        yield Buffer.from(JSON.stringify(sampleOperation));
      }
      return { status: 202, body: body() };
    },
  };
}

describe('submitting an operation', () => {
  it('asks again under the same key when the connection broke, and while the agent is away then', async () => {
    const transport = failing(unreachable('ECONNRESET'), unreachable('ENOENT'));
    expect(await submitOperation(transport, REQUEST, PAUSES_MS)).toEqual(sampleOperation);
    expect(transport.keys).toHaveLength(3);
    expect(new Set(transport.keys).size).toBe(1);
    expect(transport.keys[0]).toBeTypeOf('string');
  });

  it('keeps the key of its caller', async () => {
    const transport = failing();
    await submitOperation(transport, { ...REQUEST, headers: { 'idempotency-key': 'mine' } });
    expect(transport.keys).toEqual(['mine']);
  });

  it('has a new key each time', async () => {
    const transport = failing();
    await submitOperation(transport, REQUEST);
    await submitOperation(transport, REQUEST);
    expect(new Set(transport.keys).size).toBe(2);
  });

  it.each([
    ['that was never reached', unreachable('ECONNREFUSED')],
    ['that cannot be trusted', unreachable('CERT_HAS_EXPIRED')],
    ['that refuses', new DarkroomError('INSTANCE_BUSY', 'busy')],
  ])('does not ask an agent again %s', async (_what, failure) => {
    const transport = failing(failure);
    await expect(submitOperation(transport, REQUEST, PAUSES_MS)).rejects.toBe(failure);
    expect(transport.keys).toHaveLength(1);
  });

  it('gives up in the end', async () => {
    const transport = failing(...Array.from({ length: 9 }, () => unreachable('ECONNRESET')));
    await expect(submitOperation(transport, REQUEST, PAUSES_MS)).rejects.toMatchObject({ code: 'AGENT_UNREACHABLE' });
    expect(transport.keys).toHaveLength(3);
  });
});
