import { readdir } from 'node:fs/promises';
import { expect } from 'vitest';
import { z } from 'zod';
import type { Image } from '../../../src/model/image.ts';
import { imageFilePath, parseImage } from './images.ts';
import { runCommand } from './run-command.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import type { Guest } from './tiny-guest.ts';
import type { DomainRef } from './virsh.ts';
import { waitUntil } from './wait-until.ts';

/** `image create` that must succeed. */
export async function capture(
  darkroom: DarkroomHost,
  instance: string | DomainRef,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Image> {
  const name = typeof instance === 'string' ? instance : instance.name;
  return parseImage(await darkroom.json(['image', 'create', name, ...args], { env }));
}

/** A command that must be refused or fail with that exit code and stable error code. Gives the message. */
export async function expectRefusal(
  darkroom: DarkroomHost,
  args: readonly string[],
  expected: { readonly exitCode: number; readonly code: string; readonly env?: Readonly<Record<string, string>> },
): Promise<string> {
  const { exitCode, stdout, stderr } = await darkroom.run(args, { env: expected.env ?? {} });
  expect([exitCode, stderr]).toEqual([expected.exitCode, expect.stringContaining(`(${expected.code})`)]);
  expect(stdout).toBe('');
  return stderr;
}

export async function listImages(darkroom: DarkroomHost): Promise<readonly Image[]> {
  return z
    .array(z.unknown())
    .parse(await darkroom.json(['image', 'list']))
    .map(parseImage);
}

const imageFileInfo = z.object({
  format: z.string(),
  'virtual-size': z.number(),
  'backing-filename': z.string().optional(),
  'format-specific': z.object({
    data: z.object({ 'data-file': z.string().optional(), bitmaps: z.array(z.unknown()).optional() }),
  }),
});

/** What qemu-img says of a disk's file, opened as qcow2. */
export async function inspectImageFile(
  store: string,
  image: Image,
  target: string,
): Promise<z.infer<typeof imageFileInfo>> {
  const file = imageFilePath(store, image, target);
  return imageFileInfo.parse(JSON.parse(await runCommand('qemu-img', ['info', '--output=json', '-f', 'qcow2', file])));
}

/** A live capture has begun to copy: its overlays lie beside the disks. */
export async function waitForOverlay(guest: Guest): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    (await readdir(guest.folder)).some((name) => name.endsWith('.overlay.qcow2'));
  await waitUntil(`${guest.name} has an overlay`, isThere, { timeoutMs: 20_000, intervalMs: 20 });
}
