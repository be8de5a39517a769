import type { BackupSchedule, ScheduleRun } from '../../../src/model/backup/schedule.ts';
import type { Image } from '../../../src/model/image.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { domainXml } from '../../support/access-world.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeImageStore } from '../../support/fake-image-store.ts';
import { createFakeScheduleBook } from '../../support/fake-schedule-book.ts';
import { createFakeShelf } from '../../support/fake-shelf.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { makeShelved } from '../../support/sample-shelf.ts';
import { sampleSchedule, sampleScheduleRun } from '../agent/samples.ts';

const uuid = (kind: number, number: number) => `0000000${kind}-0000-4000-8000-${String(number).padStart(12, '0')}`;

export const INSTANCES = { hosts: uuid(2, 1), anns: uuid(2, 2), away: uuid(2, 3), gone: uuid(2, 4) } as const;
export const ROOT = { name: 'root', role: 'admin', isTrustedWithPaths: true } as const;
export const ANN = { name: 'ann', role: 'operator', isTrustedWithPaths: false } as const;
export const BOB = { name: 'bob', role: 'operator', isTrustedWithPaths: false } as const;

export const NOW = new Date('2026-03-10T12:00:00.000Z');

export interface BackupWorld {
  readonly core: Core;
  as(caller: Core['caller']): Core;
  /** A backup of the host's instance under `daily`; its id. */
  backup(number: number, changes?: Partial<Image> & { readonly of?: string; readonly type?: string }): Promise<string>;
  schedule(number: number, changes?: Partial<BackupSchedule>): Promise<string>;
  run(number: number, changes: Partial<ScheduleRun>): Promise<void>;
  dispose(): void;
}

/** An instance of the host, one of ann's, and one of the host's that is shelved. It is noon of 2026-03-10. */
export async function createBackupWorld(): Promise<BackupWorld> {
  const [hypervisor, store, shelf] = [createFakeHypervisor(), createFakeImageStore(), createFakeShelf()];
  const schedules = createFakeScheduleBook();
  hypervisor.put(domainXml('web-1', INSTANCES.hosts, null), { powerState: 'running' });
  hypervisor.put(domainXml('anns', INSTANCES.anns, 'ann'), { powerState: 'running' });
  await shelf.write(makeShelved(INSTANCES.away, { name: 'away', host: 'host-a' }));
  const core = createImageCore({ hypervisor, store, shelf, schedules });
  const clock = { ...core.clock, now: () => NOW };
  return {
    core: { ...core, clock },
    as: (caller) => ({ ...core, clock, caller }),
    backup: async (number, { of = INSTANCES.hosts, type = 'daily', ...changes } = {}) => {
      const id = uuid(1, number);
      const properties = { image_type: 'backup', backup_type: type, instance_uuid: of };
      await publishImage(store, makeImage(id, { createdAt: dayOf(number), properties, ...changes }));
      return id;
    },
    schedule: async (number, changes = {}) => {
      const id = uuid(3, number);
      const selector = { kind: 'instance', instanceId: INSTANCES.hosts } as const;
      await schedules.add({ ...sampleSchedule, id, selector, policy: null, ...changes });
      return id;
    },
    run: async (number, changes) => {
      const run = { ...sampleScheduleRun, id: uuid(4, number), instanceId: INSTANCES.hosts, ...changes };
      const schedule = await schedules.find(run.scheduleId);
      const { handledUntil = '' } = schedule ?? {};
      const isAdded = await schedules.addRuns(run.scheduleId, { expected: handledUntil, handledUntil, runs: [run] });
      if (!isAdded) throw new Error('there is no such schedule');
    },
    dispose: () => store.dispose(),
  };
}

/** Number 1 is from 03-01, at three in the morning. */
export function dayOf(number: number): string {
  return `2026-03-${String(number).padStart(2, '0')}T03:00:00.000Z`;
}
