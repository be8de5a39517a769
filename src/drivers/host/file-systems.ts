import { stat } from 'node:fs/promises';
import type { Command, CommandResult } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';

export interface FoundFileSystem {
  readonly type: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** For mount(8): what keeps it from replaying a journal, which is a write. */
  readonly options: readonly string[];
}

type Range = Pick<FoundFileSystem, 'offsetBytes' | 'sizeBytes'> & { readonly isForBoot: boolean };
type Run = (command: Command) => Promise<CommandResult>;

/** Types that are mounted, each with its own words for "leave the journal alone" (mount(8), kernel filesystems documentation). */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  ext2: [],
  ext3: ['noload'],
  ext4: ['noload'],
  xfs: ['norecovery', 'nouuid'],
  btrfs: ['rescue=nologreplay'],
  f2fs: ['norecovery'],
  vfat: [],
  exfat: [],
  ntfs: [],
  iso9660: [],
  udf: [],
  squashfs: [],
  erofs: [],
};

/** EFI system partition, as GPT and MBR say it; it comes first on many disks and is seldom what is looked for. */
const BOOT_TYPES: readonly string[] = ['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', 'ef'];

/** Nothing found: blkid(8) says 2, sfdisk(8) says 1; several at once: blkid says 8. */
const BLKID_NOTHING = [0, 2, 8];
const SFDISK_NOTHING = [0, 1];

/** On the disk itself, or else on the first partition that has one; EFI system partitions last. DISK_UNSUPPORTED. */
export async function findFileSystem(disk: string, run: Run): Promise<FoundFileSystem> {
  const seen: string[] = [];
  for (const range of [...(await wholeDisk(disk)), ...(await listPartitions(disk, run))]) {
    const type = await probe(disk, range, run);
    if (type === null) continue;
    const options = OPTIONS[type];
    if (options !== undefined) return { type, options, ...range };
    seen.push(type);
  }
  const found = seen.length === 0 ? 'nothing on it' : `only ${seen.join(', ')} on it`;
  throw new DarkroomError(
    'DISK_UNSUPPORTED',
    `No file system of the disk can be mounted: ${found} was recognised. Without a folder it can be read as NBD.`,
    { fields: { path: disk, seen: seen.join(' ') } },
  );
}

async function wholeDisk(disk: string): Promise<readonly Range[]> {
  return [{ offsetBytes: 0, sizeBytes: (await stat(disk)).size, isForBoot: false }];
}

async function listPartitions(disk: string, run: Run): Promise<readonly Range[]> {
  const { stdout, exitCode } = await run({
    file: 'sfdisk',
    args: ['--json', '--', disk],
    acceptExitCodes: SFDISK_NOTHING,
  });
  if (exitCode !== 0) return [];
  const ranges = readPartitions(JSON.parse(stdout));
  return [...ranges.filter(({ isForBoot }) => !isForBoot), ...ranges.filter(({ isForBoot }) => isForBoot)];
}

/** `{ partitiontable: { sectorsize, partitions: [{ start, size, type }] } }`, in sectors. */
function readPartitions(document: unknown): readonly Range[] {
  const table = fieldOf(document, 'partitiontable');
  const sectorBytes = numberOf(fieldOf(table, 'sectorsize')) ?? 512;
  const partitions = fieldOf(table, 'partitions');
  if (!Array.isArray(partitions)) return [];
  return partitions.flatMap((partition: unknown) => {
    const [start, size] = [numberOf(fieldOf(partition, 'start')), numberOf(fieldOf(partition, 'size'))];
    if (start === null || size === null) return [];
    const isForBoot = BOOT_TYPES.includes(String(fieldOf(partition, 'type')).toLowerCase());
    return [{ offsetBytes: start * sectorBytes, sizeBytes: size * sectorBytes, isForBoot }];
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

async function probe(disk: string, range: Range, run: Run): Promise<string | null> {
  const place = ['--offset', String(range.offsetBytes), '--size', String(range.sizeBytes)];
  const args = ['--probe', ...place, '--match-tag', 'TYPE', '--output', 'value', '--', disk];
  const { stdout } = await run({ file: 'blkid', args, acceptExitCodes: BLKID_NOTHING });
  const type = stdout.trim();
  return type === '' ? null : type;
}
