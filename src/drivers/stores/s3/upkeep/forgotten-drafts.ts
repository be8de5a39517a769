import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { StoreFinding } from '../../../../model/store.ts';
import { isPartialName } from '../../upkeep/entries.ts';
import type { Mirror } from '../mirror.ts';

/**
 * Files of this host that were to become objects and never did. Those that did are copies, which go by themselves. By their paths
 * here, since no other host knows of them.
 */
export async function findForgottenDrafts({ rootPath }: Mirror): Promise<readonly StoreFinding[]> {
  const names = await readdir(rootPath, { recursive: true }).catch(() => []);
  const findings: StoreFinding[] = [];
  for (const name of names.filter((each) => isPartialName(path.basename(each)))) {
    const finding = await judge(path.join(rootPath, name));
    if (finding !== null) findings.push(finding);
  }
  return findings;
}

/** False when it is gone, or was written to since. */
export async function removeForgottenDraft({ rootPath }: Mirror, finding: StoreFinding): Promise<boolean> {
  const file = path.resolve(finding.subject);
  if (!file.startsWith(`${path.resolve(rootPath)}/`) || !isPartialName(path.basename(file))) return false;
  if ((await judge(file))?.since !== finding.since) return false;
  await rm(file, { force: true });
  return true;
}

async function judge(file: string): Promise<StoreFinding | null> {
  const stat = await lstat(file).catch(() => null);
  if (stat?.isFile() !== true) return null;
  return {
    kind: 'unfinished-upload',
    subject: file,
    message: `${file} was written on this host and never finished`,
    bytes: stat.blocks * 512,
    since: new Date(Math.max(stat.mtimeMs, stat.ctimeMs)).toISOString(),
    isRemovable: true,
  };
}
