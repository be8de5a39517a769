import { z } from 'zod';
import type { DiskFile, DiskFileInfo } from '../../model/ports/disk-tool.ts';
import { resolveBackingName } from './backing-name.ts';
import { parseJson } from './parse-json.ts';
import { METADATA_TIMEOUT_MS, plainPath, runQemuImg } from './run-qemu-img.ts';

const bytes = z.number().int().nonnegative();

/** ImageInfo of QEMU's block-core schema (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html). */
const infoSchema = z.object({
  format: z.string(),
  'virtual-size': bytes,
  'actual-size': bytes.optional(),
  'cluster-size': bytes.optional(),
  'backing-filename': z.string().optional(),
  'backing-filename-format': z.string().optional(),
  encrypted: z.boolean().optional(),
  'dirty-flag': z.boolean().optional(),
  snapshots: z.array(z.unknown()).optional(),
  'format-specific': z
    .object({
      data: z.object({
        corrupt: z.boolean().optional(),
        'data-file': z.string().optional(),
        bitmaps: z.array(z.object({ name: z.string(), flags: z.array(z.string()) })).optional(),
        extents: z.array(z.object({ filename: z.string() })).optional(),
      }),
    })
    .optional(),
});

type QemuInfo = z.infer<typeof infoSchema>;

/**
 * `qemu-img info` of this one layer: its backing file is named, not opened. A running guest may have it open; what it
 * has not written yet (such as bitmaps) is not seen then. Sizes in bytes.
 */
export async function readDiskInfo(disk: DiskFile, signal?: AbortSignal): Promise<DiskFileInfo> {
  const path = plainPath(disk.path);
  const args = ['--force-share', '--output=json', '-f', disk.format, '--', path];
  const options = { on: path, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) };
  const { stdout } = await runQemuImg('info', args, options);
  return toDiskFileInfo(path, parseJson(stdout, infoSchema, { subcommand: 'info', disk: path }));
}

function toDiskFileInfo(path: string, info: QemuInfo): DiskFileInfo {
  const data = info['format-specific']?.data ?? {};
  return {
    path,
    format: info.format,
    virtualSizeBytes: info['virtual-size'],
    actualSizeBytes: info['actual-size'] ?? 0,
    clusterSizeBytes: info['cluster-size'] ?? null,
    backing: toBacking(path, info),
    dataFile: data['data-file'] ?? findForeignExtent(path, data.extents ?? []),
    isEncrypted: info.encrypted ?? false,
    isDirty: info['dirty-flag'] ?? false,
    isCorrupt: data.corrupt ?? false,
    internalSnapshotCount: info.snapshots?.length ?? 0,
    bitmaps: data.bitmaps ?? [],
  };
}

function toBacking(path: string, info: QemuInfo): DiskFileInfo['backing'] {
  const name = info['backing-filename'];
  if (name === undefined) return null;
  return { name, path: resolveBackingName(path, name), format: info['backing-filename-format'] ?? null };
}

/** A VMDK descriptor can keep its data in other files, anywhere on the host: as much an external file as qcow2's. */
function findForeignExtent(path: string, extents: readonly { readonly filename: string }[]): string | null {
  return extents.find((extent) => extent.filename !== path)?.filename ?? null;
}
