import { maySeeOperation } from '../../model/access.ts';
import { DarkroomError, type ErrorCode } from '../../model/errors.ts';
import type { LockHolder } from '../../model/ports/journal.ts';
import type { Core } from './context.ts';
import type { LockRequest } from './use-case.ts';

const SHARED_MARK = '#shared:';

interface LockClaim {
  readonly operationId: string;
  readonly kind: string;
}

/** Takes all locks of an operation or throws (INSTANCE_BUSY, IMAGE_BUSY, NAME_TAKEN) with none taken. */
export async function acquireLocks(core: Core, request: LockRequest, claim: LockClaim): Promise<void> {
  const owner = core.processes.self;
  const keys = [...request.exclusive, ...request.shared.map((key) => `${key}${SHARED_MARK}${claim.operationId}`)];
  const holder = await core.locks.tryAcquire(keys, { ...claim, owner });
  if (holder !== null) throw await busy(core, holder);
  // readers and writers look for each other only after both are on record, so that at least one of them sees the other
  const rival = findRival(await core.locks.list(), request, claim.operationId);
  if (rival === undefined) return;
  await core.locks.release(claim.operationId);
  throw await busy(core, rival);
}

function findRival(holders: readonly LockHolder[], request: LockRequest, operationId: string): LockHolder | undefined {
  return holders.find(
    (holder) =>
      holder.operationId !== operationId &&
      (request.shared.includes(holder.key) ||
        request.exclusive.some((key) => holder.key.startsWith(`${key}${SHARED_MARK}`))),
  );
}

const BUSY_CODES: Readonly<Record<string, ErrorCode>> = {
  instance: 'INSTANCE_BUSY',
  image: 'IMAGE_BUSY',
  name: 'NAME_TAKEN',
  volume: 'VOLUME_BUSY',
  snapshot: 'SNAPSHOT_BUSY',
  path: 'PATH_TAKEN',
};

/** Whose work it is that stands in the way is nobody's business but its own. */
async function busy(core: Core, holder: LockHolder): Promise<DarkroomError> {
  const [key = ''] = holder.key.split(SHARED_MARK);
  const [subject = '', id = ''] = key.split(/:(.*)/s);
  const code = BUSY_CODES[subject] ?? 'INSTANCE_BUSY';
  if (!(await mayKnow(core, holder))) {
    const message = `The ${subject} ${id} is busy: something else works on it (${holder.kind}). Try again later.`;
    return new DarkroomError(code, message, { fields: { key, kind: holder.kind } });
  }
  return new DarkroomError(
    code,
    `The ${subject} ${id} is busy: operation ${holder.operationId} (${holder.kind}, process ${holder.owner.pid}) works on it. ` +
      `Wait for it (darkroom operation watch ${holder.operationId}) or cancel it.`,
    { fields: { key: holder.key, operationId: holder.operationId, kind: holder.kind, pid: holder.owner.pid } },
  );
}

/** Some locks are held by what is no operation on record. */
async function mayKnow({ caller, journal }: Core, { operationId }: LockHolder): Promise<boolean> {
  if (caller.role === 'admin') return true;
  return await journal.read(operationId).then(
    ({ operation }) => maySeeOperation(caller, operation),
    () => false,
  );
}
