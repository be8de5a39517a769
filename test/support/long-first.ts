import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Of more than a minute each, the longest first in each group. One that begins last would leave a core idle while it ends. */
const LONG = [
  'snapshot-property',
  'recovery-upheaval',
  's3-two-hosts',
  'shelve-recovery',
  'recovery-kill',
  's3-faults',
  'shelve-roundtrip',
  'snapshot',
  'launch',
  'backup-schedule',
  'launch-cloud-init',
  'recovery-snapshot-off',
  'agent-soak',
  'shelve-places',
  'shelve-two-hosts',
].map((name) => path.join('test', 'e2e', `${name}.test.ts`));

/** Known without an earlier run, which a fresh clone does not have. All others as vitest would have it. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

function groupOf(file: TestSpecification): number {
  return file.project.config.sequence.groupOrder;
}

function rankOf(file: TestSpecification): number {
  const rank = LONG.indexOf(path.relative(file.project.config.root, file.moduleId));
  return rank === -1 ? LONG.length : rank;
}
