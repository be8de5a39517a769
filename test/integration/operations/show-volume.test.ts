import { afterEach, beforeEach, expect, it } from 'vitest';
import { showVolume } from '../../../src/operations/list-volumes.ts';
import { type CaptureHost, GUEST_UUID, makeCaptureHost } from '../../support/capture-host.ts';
import { expectFailure } from '../../support/expect-failure.ts';

let host: CaptureHost;

beforeEach(() => {
  host = makeCaptureHost();
});

afterEach(() => host.dispose());

it('shows a volume by its id, and as <instance>/<target>, by name and by id', async () => {
  const volume = await showVolume(host.core, 'guest/vdb');
  expect(volume).toMatchObject({ instance: GUEST_UUID, instanceName: 'guest', target: 'vdb' });
  expect(await showVolume(host.core, `${GUEST_UUID}/vdb`)).toEqual(volume);
  expect(await showVolume(host.core, volume.id.toUpperCase())).toEqual(volume);
});

it.each(['guest/vdz', 'nobody/vda', 'guest', '/vda', 'vda'])('finds no volume called %s', async (reference) => {
  await expectFailure(showVolume(host.core, reference), 'VOLUME_NOT_FOUND');
});
