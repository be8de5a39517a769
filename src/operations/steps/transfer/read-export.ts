import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { HeldFile } from '../../../model/ports/host.ts';
import {
  EXPORT_MANIFEST_FILE,
  type ExportManifest,
  exportManifestSchema,
  MAX_EXPORT_MANIFEST_BYTES,
} from '../../export-manifest.ts';
import type { Core } from '../../support/context.ts';
import { rejected } from './transfer-path.ts';

const MAX_TEXT_BYTES = 4 * 1024 ** 2;

/** The manifest of an exported folder. IMAGE_REJECTED when there is none or it does not hold what it must. */
export async function readExportManifest(core: Core, folder: HeldFile): Promise<ExportManifest> {
  const text = await readExportedText(core, folder, EXPORT_MANIFEST_FILE);
  const parsed = exportManifestSchema.safeParse(parseJson(text, folder));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join('.') || 'the document';
    throw rejected(folder.realPath, `has a wrong ${EXPORT_MANIFEST_FILE}: ${where}: ${issue?.message ?? 'unknown'}`);
  }
  requireDistinct(folder, parsed.data);
  return parsed.data;
}

function parseJson(text: string, folder: HeldFile): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw rejected(folder.realPath, `has a ${EXPORT_MANIFEST_FILE} that is not JSON`, cause);
  }
}

function requireDistinct(folder: HeldFile, manifest: ExportManifest): void {
  const targets = manifest.disks.map((disk) => disk.target);
  const files = [...manifest.disks, ...manifest.tpm].map((entry) => entry.file);
  if (new Set(targets).size === targets.length && new Set(files).size === files.length) return;
  throw rejected(folder.realPath, `has a wrong ${EXPORT_MANIFEST_FILE}: it names a disk or file twice`);
}

/** A file of an exported folder, really in it and a regular one: no link leads out. */
export async function holdExported(
  core: Core,
  folder: HeldFile,
  entry: { readonly file: string; readonly sizeBytes?: number },
): Promise<HeldFile> {
  const place = path.join(folder.realPath, entry.file);
  const held = await core.files.hold(path.join(folder.heldPath, entry.file));
  if (held === null)
    throw rejected(folder.realPath, `has no file ${entry.file}. A folder must be one that an export wrote`);
  const complaint = judgeHeld(held, place, entry.sizeBytes);
  if (complaint === null) return held;
  await held[Symbol.asyncDispose]();
  throw rejected(place, complaint);
}

function judgeHeld(held: HeldFile, place: string, sizeBytes: number | undefined): string | null {
  if (held.realPath !== place) return `is a link to ${held.realPath}`;
  if (held.stat.kind !== 'file') return 'is not a regular file';
  if (sizeBytes === undefined || held.stat.sizeBytes === sizeBytes) return null;
  return `has ${held.stat.sizeBytes} bytes, and the manifest says ${sizeBytes}`;
}

export async function readExportedText(core: Core, folder: HeldFile, file: string): Promise<string> {
  await using held = await holdExported(core, folder, { file });
  const maxBytes = file === EXPORT_MANIFEST_FILE ? MAX_EXPORT_MANIFEST_BYTES : MAX_TEXT_BYTES;
  if (held.stat.sizeBytes > maxBytes)
    throw rejected(path.join(folder.realPath, file), `has more than ${maxBytes} bytes`);
  const bytes = await held.read({ offsetBytes: 0, lengthBytes: held.stat.sizeBytes });
  return new TextDecoder().decode(bytes);
}

/** IMAGE_REJECTED unless what was taken in is what the manifest promised. */
export function requireContent(
  folder: HeldFile,
  promised: { readonly file: string; readonly sha256: string },
  taken: { readonly sha256: string | null },
): void {
  if (taken.sha256 === promised.sha256) return;
  const place = path.join(folder.realPath, promised.file);
  throw new DarkroomError(
    'IMAGE_REJECTED',
    `${place} is not what was exported: its SHA-256 is ${taken.sha256}, and the manifest says ${promised.sha256}. Copy the folder again.`,
    { fields: { path: place, expected: promised.sha256, seen: taken.sha256 } },
  );
}
