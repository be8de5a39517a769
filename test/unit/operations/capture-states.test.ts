import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CaptureHost, makeCaptureHost, NOTHING_LEFT } from '../../support/capture-host.ts';

describe('image create of an instance in a state that cannot be captured', () => {
  let host: CaptureHost;
  beforeEach(() => {
    host = makeCaptureHost();
  });
  afterEach(() => host.dispose());

  it.each(['crashed', 'nostate'] as const)('row 8: is a conflict while %s, and leaves no image', async (powerState) => {
    host.domain.powerState = powerState;
    const operation = await host.capture();
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_STATE' } });
    expect((await host.store.listImages()).images).toEqual([]);
    expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, powerState });
  });

  it('row 8: is a conflict while another operation works on it, and leaves no image', async () => {
    const owner = host.core.processes.self;
    await host.core.locks.tryAcquire([`instance:${host.domain.uuid}`], {
      operationId: 'other',
      kind: 'instance.stop',
      owner,
    });
    await expect(host.capture()).rejects.toMatchObject({ code: 'INSTANCE_BUSY' });
    expect((await host.store.listImages()).images).toEqual([]);
  });
});
