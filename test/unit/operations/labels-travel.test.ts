import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import { createImage } from '../../../src/operations/create-image.ts';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import { listInstances, showInstance } from '../../../src/operations/list-instances.ts';
import { setLabels } from '../../../src/operations/set-labels.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { GUEST_UUID as CAPTURED_UUID, captureRequest, makeCaptureHost } from '../../support/capture-host.ts';
import { runToEnd } from '../../support/image-core.ts';
import { IMAGE_ID, launchRequest, machineXml, makeLaunchHost, publishMachine } from '../../support/launch-host.ts';
import {
  GUEST_UUID,
  lookAt,
  makeShelfHost,
  putGuest,
  type ShelfHost,
  shelveRequest,
  unshelveRequest,
} from '../../support/shelf-host.ts';

const LABELS = { env: 'prod', team: 'shop' };
const LABELLED =
  "<metadata><d:labels xmlns:d='urn:darkroom:labels:1'><d:label key='env' value='prod'/></d:labels></metadata>";

const disposals: (() => void)[] = [];
let host: ShelfHost;
beforeEach(() => {
  host = makeShelfHost();
  disposals.push(host.dispose);
});
afterEach(() => {
  for (const dispose of disposals.splice(0)) dispose();
});

async function shelve(at: ShelfHost, isOffloaded = true): Promise<void> {
  expect((await runToEnd(at.core, shelveInstance, shelveRequest({ isOffloaded }))).error).toBeNull();
}

describe('labels', () => {
  it.each(['running', 'shutdown'] as const)('of a %s instance go to the shelf and come back', async (powerState) => {
    await putGuest(host, { powerState });
    await setLabels(host.core, 'guest', LABELS);
    const before = await lookAt(host);
    await shelve(host);
    expect(await showInstance(host.core, 'guest')).toMatchObject({ state: 'shelved_offloaded', labels: LABELS });
    expect(await listInstances(host.core, { labels: { env: 'prod' } })).toMatchObject([{ id: GUEST_UUID }]);
    expect((await runToEnd(host.core, unshelveInstance, unshelveRequest())).error).toBeNull();
    expect(await lookAt(host)).toEqual(before);
    expect((await showInstance(host.core, 'guest')).labels).toEqual(LABELS);
  });

  it('are to be seen on another host, and come back there', async () => {
    const other = makeShelfHost({ hostName: 'host-b', storage: host.storage });
    disposals.push(other.dispose);
    await putGuest(host);
    await setLabels(host.core, 'guest', LABELS);
    await shelve(host);
    expect((await showInstance(other.core, 'guest')).labels).toEqual(LABELS);
    const request = unshelveRequest({ diskDir: other.at('disks') });
    expect((await runToEnd(other.core, unshelveInstance, request)).error).toBeNull();
    expect(other.guest()).toBeDefined();
    expect((await showInstance(other.core, 'guest')).labels).toEqual(LABELS);
  });

  it('are shown while the instance waits on its host to be offloaded', async () => {
    await putGuest(host);
    await setLabels(host.core, 'guest', LABELS);
    await shelve(host, false);
    expect(await showInstance(host.core, 'guest')).toMatchObject({ state: 'shelved', labels: LABELS });
  });

  it('are kept by a capture, in the guest and in the image', async () => {
    const capture = makeCaptureHost();
    disposals.push(capture.dispose);
    await setLabels(capture.core, CAPTURED_UUID, LABELS);
    const { result, error } = await runToEnd(capture.core, createImage, captureRequest());
    expect(error).toBeNull();
    expect((await showInstance(capture.core, CAPTURED_UUID)).labels).toEqual(LABELS);
    const xml = await capture.core.store.resolveFile(result.imageId ?? '', 'domain.xml');
    expect(describeDomain(readFileSync(xml, 'utf8')).labels).toEqual(LABELS);
  });

  it('are not inherited by what is launched from the image', async () => {
    const launch = makeLaunchHost();
    disposals.push(launch.dispose);
    await publishMachine(launch, { xml: machineXml().replace('<memory', `${LABELLED}<memory`) });
    const stored = await launch.core.store.resolveFile(IMAGE_ID, 'domain.xml');
    expect(describeDomain(readFileSync(stored, 'utf8')).labels).toEqual({ env: 'prod' });
    const { result } = await runToEnd(launch.core, launchInstance, launchRequest());
    const { imageId, labels } = await showInstance(launch.core, result.instanceId ?? '');
    expect({ imageId, labels }).toEqual({ imageId: IMAGE_ID, labels: {} });
  });
});
