import { expect, it } from 'vitest';
import { deletePrincipal } from '../../../src/operations/manage-principals.ts';
import { createImageCore } from '../../support/image-core.ts';
import { sampleSchedule } from '../agent/samples.ts';

it('pauses the schedules of a principal that is deleted, and of nobody else', async () => {
  const core = createImageCore({});
  await core.principals.add(
    { name: 'ann', role: 'operator', hasToken: false, createdAt: sampleSchedule.createdAt },
    null,
  );
  await core.schedules.add({ ...sampleSchedule, id: 'hers', owner: 'ann', role: 'operator' });
  await core.schedules.add({ ...sampleSchedule, id: 'the host’s' });
  await deletePrincipal(core, 'ann');
  const paused = (await core.schedules.list()).filter(({ isPaused }) => isPaused).map(({ id }) => id);
  expect(paused).toEqual(['hers']);
});
