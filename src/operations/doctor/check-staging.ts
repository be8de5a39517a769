import type { DoctorCheck } from '../../model/doctor.ts';
import { parseStagingPath } from '../../model/snapshot/staging-name.ts';
import { isLive } from '../steps/capture/look-at-domain.ts';
import type { Core } from '../support/context.ts';
import { badCheck, okCheck, repairedCheck } from './doctor-check.ts';
import { listBesideDisks, livingOperations } from './find-leftovers.ts';

const ID = 'leftover.snapshot';
/** A younger one may be the work of a process with another journal. */
const OLD_MS = 3_600_000;

/** What QEMU wrote beside disks for snapshots that were never finished: copies, of which no guest needs any. */
export async function checkStaging(
  core: Core,
  { isRepairing }: { readonly isRepairing: boolean },
): Promise<DoctorCheck[]> {
  const alive = await livingOperations(core);
  const domains = await core.hypervisor.describeDomains();
  const diskPaths = domains.flatMap(({ description }) => description.disks.flatMap(({ path }) => path ?? []));
  const files = await listBesideDisks(core, diskPaths, (file) => parseStagingPath(file) !== null);
  const left = await selectOld(
    core,
    files.filter((file) => !alive.has(parseStagingPath(file)?.operationId ?? '')),
  );
  if (left.length === 0) return [okCheck(ID, 'no file of an unfinished snapshot is left beside a disk')];
  const written = await listWritten(core);
  const checks: DoctorCheck[] = [];
  for (const file of left) checks.push(await treat(core, file, { isRepairing, isWritten: written.has(file) }));
  return checks;
}

async function selectOld({ files, clock }: Core, paths: readonly string[]): Promise<readonly string[]> {
  const old: string[] = [];
  for (const path of paths) {
    const stat = await files.stat(path);
    if (stat !== null && stat.modifiedMs < clock.now().getTime() - OLD_MS) old.push(path);
  }
  return old;
}

async function treat(
  core: Core,
  file: string,
  { isRepairing, isWritten }: { readonly isRepairing: boolean; readonly isWritten: boolean },
): Promise<DoctorCheck> {
  if (isWritten) {
    const message = `${file} is written by a backup job of a dead operation`;
    return badCheck(ID, 'warning', { message, remedy: 'End the job: virsh domjobabort' });
  }
  const what = `${file} belongs to a snapshot that was never finished`;
  if (!isRepairing) return badCheck(ID, 'warning', { message: what, remedy: 'darkroom doctor --repair' });
  await core.files.remove(file);
  return repairedCheck(ID, `${what}: it was deleted`);
}

async function listWritten({ hypervisor }: Core): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  for (const domain of (await hypervisor.listDomains()).filter(isLive)) {
    for (const path of (await hypervisor.getBackup(domain.uuid))?.paths ?? []) paths.add(path);
  }
  return paths;
}
