import { expect, it } from 'vitest';
import { parseManifest, serialiseManifest } from '../../../../src/drivers/stores/documents/manifest.ts';
import { expectFailure } from '../../../support/expect-failure.ts';
import { makeImage } from '../../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';

it('takes an image of an older Darkroom for one that is not encrypted', () => {
  const { isEncrypted: _, ...older } = makeImage(ID);
  expect(parseManifest(JSON.stringify({ version: 1, ...older }), ID).isEncrypted).toBe(false);
});

it('keeps that an image is encrypted', () => {
  expect(parseManifest(serialiseManifest(makeImage(ID, { isEncrypted: true })), ID).isEncrypted).toBe(true);
});

it('takes nothing else than yes or no for it', async () => {
  const text = JSON.stringify({ version: 1, ...makeImage(ID), isEncrypted: 'no' });
  await expectFailure((async () => parseManifest(text, ID))(), 'IMAGE_DAMAGED');
});
