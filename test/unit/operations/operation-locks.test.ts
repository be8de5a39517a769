import { beforeEach, expect, it } from 'vitest';
import type { ProcessIdentity } from '../../../src/model/operation.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeLocks } from '../../support/fake-journal.ts';
import { createImageCore } from '../../support/image-core.ts';

let core: Core;
let living: ProcessIdentity[];

beforeEach(() => {
  core = createImageCore({ locks: createFakeLocks((owner) => living.includes(owner)) });
  living = [core.processes.self];
});

function acquire(operationId: string, locks: { exclusive?: string[]; shared?: string[] }): Promise<void> {
  return acquireLocks(core, { exclusive: [], shared: [], ...locks }, { operationId, kind: 'image.create' });
}

it.each([
  ['instance:one', 'INSTANCE_BUSY'],
  ['image:one', 'IMAGE_BUSY'],
  ['name:one', 'NAME_TAKEN'],
  ['volume:one', 'VOLUME_BUSY'],
  ['snapshot:one', 'SNAPSHOT_BUSY'],
] as const)('row 7: whoever comes second for %s gets %s, and learns who is first', async (key, code) => {
  await acquire('first', { exclusive: [key] });
  const error = await expectFailure(acquire('second', { exclusive: [key] }), code);
  expect(error.message).toContain('darkroom operation watch first');
  expect(error).toMatchObject({ fields: { operationId: 'first', pid: core.processes.self.pid } });
  expect(await core.locks.list()).toHaveLength(1);
});

it('takes all locks or none', async () => {
  await acquire('first', { exclusive: ['image:b'] });
  await expectFailure(acquire('second', { exclusive: ['image:a', 'image:b'] }), 'IMAGE_BUSY');
  await acquire('third', { exclusive: ['image:a'] });
});

it('lets readers in together, and no writer beside them', async () => {
  await acquire('reader', { shared: ['image:a'] });
  await acquire('another reader', { shared: ['image:a'] });
  await expectFailure(acquire('writer', { exclusive: ['image:a'] }), 'IMAGE_BUSY');
  await acquire('writer elsewhere', { exclusive: ['image:ab'] });
  await core.locks.release('reader');
  await core.locks.release('another reader');
  await acquire('writer', { exclusive: ['image:a'] });
  await expectFailure(acquire('late reader', { shared: ['image:a'] }), 'IMAGE_BUSY');
});

it('counts no lock of a dead process', async () => {
  await acquire('first', { exclusive: ['instance:one'] });
  living = [];
  await acquire('second', { exclusive: ['instance:one'] });
});
