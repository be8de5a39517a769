import koffi from 'koffi';
import { checked } from './last-error.ts';
import { declareFunctions, type Out, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainJobType */
export const JOB_TYPE = { none: 0, completed: 3, failed: 4, cancelled: 5 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainJobOperation */
export const JOB_OPERATION = { backup: 9 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetJobStatsFlags */
const JOB_STATS = { completed: 1 << 0 } as const;

/** sizeof(virDomainMemoryStatStruct): a tag and a 64-bit value. */
const MEMORY_STAT_BYTES = 16;

/** VIR_DOMAIN_JOB_OPERATION, the name of a parameter. */
const OPERATION = 'operation';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainJobInfo */
export interface JobInfo {
  /** virDomainJobType. */
  readonly type: number;
  /** Bytes of disks; of a backup, and of what copies disks. */
  readonly fileTotal: number;
  readonly fileProcessed: number;
}

export interface CompletedJob {
  /** virDomainJobType; none where nothing is known of one. */
  readonly type: number;
  /** virDomainJobOperation; null where it is not told. */
  readonly operation: number | null;
}

interface Native {
  getJobInfo(domain: Pointer, info: Partial<JobInfo>): number;
  getJobStats(
    ...args: [domain: Pointer, type: Out<number>, params: Out<Pointer>, count: Out<number>, flags: number]
  ): number;
  abortJob(domain: Pointer): number;
  memoryStats(domain: Pointer, stats: Buffer, count: number, flags: number): number;
  getInt(params: Pointer, count: number, ...found: [name: string, value: Out<number>]): number;
  freeParams(params: Pointer, count: number): void;
}

const native = declareFunctions((library): Native => {
  koffi.struct('virDomainJobInfo', {
    type: 'int',
    timeElapsed: 'uint64_t',
    timeRemaining: 'uint64_t',
    dataTotal: 'uint64_t',
    dataProcessed: 'uint64_t',
    dataRemaining: 'uint64_t',
    memTotal: 'uint64_t',
    memProcessed: 'uint64_t',
    memRemaining: 'uint64_t',
    fileTotal: 'uint64_t',
    fileProcessed: 'uint64_t',
    fileRemaining: 'uint64_t',
  });
  return {
    getJobInfo: library.func('int virDomainGetJobInfo(void *domain, _Out_ virDomainJobInfo *info)'),
    getJobStats: library.func(
      'int virDomainGetJobStats(void *domain, _Out_ int *type, _Out_ void **params, _Out_ int *nparams, uint flags)',
    ),
    abortJob: library.func('int virDomainAbortJob(void *domain)'),
    memoryStats: library.func('int virDomainMemoryStats(void *domain, void *stats, uint count, uint flags)'),
    getInt: library.func('int virTypedParamsGetInt(void *params, int nparams, const char *name, _Out_ int *value)'),
    freeParams: library.func('void virTypedParamsFree(void *params, int nparams)'),
  };
});

/**
 * The job that the domain as a whole is busy with, JOB_TYPE.none where there is none; a commit or a copy of one disk is not of
 * these. Domain not running: VIR_ERR_OPERATION_INVALID. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetJobInfo
 */
export function getJobInfo(domain: Pointer): JobInfo {
  const info: Partial<JobInfo> = {};
  checked('virDomainGetJobInfo', native().getJobInfo(domain, info));
  const { type = 0, fileTotal = 0, fileProcessed = 0 } = info;
  return { type, fileTotal, fileProcessed };
}

/**
 * How the last job of the domain ended; libvirt forgets it with this call, and when it restarts.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetJobStats
 */
export function takeCompletedJob(domain: Pointer): CompletedJob {
  const [type, params, count]: [Out<number>, Out<Pointer>, Out<number>] = [[0], [null], [0]];
  checked('virDomainGetJobStats', native().getJobStats(domain, type, params, count, JOB_STATS.completed));
  return { type: type[0] ?? 0, operation: takeOperation(params[0], count[0] ?? 0) };
}

/** https://libvirt.org/html/libvirt-libvirt-common.html#virTypedParamsGetInt */
function takeOperation(params: Pointer | null, count: number): number | null {
  if (params === null) return null;
  try {
    const operation: Out<number> = [0];
    return native().getInt(params, count, OPERATION, operation) === 1 ? operation[0] : null;
  } finally {
    native().freeParams(params, count);
  }
}

/**
 * Asks the job that the domain is busy with to end; it may go on for a while. None: VIR_ERR_OPERATION_INVALID.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainAbortJob
 */
export function abortJob(domain: Pointer): void {
  checked('virDomainAbortJob', native().abortJob(domain));
}

/**
 * Waits until libvirt has dealt with what QEMU told it before: events and queries of a domain take turns. It says that a job is over
 * before it has had QEMU close the job's files. At most 30 s, then VIR_ERR_OPERATION_TIMEOUT; domain not running:
 * VIR_ERR_OPERATION_INVALID. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainMemoryStats
 */
export function awaitTurn(domain: Pointer): void {
  checked('virDomainMemoryStats', native().memoryStats(domain, Buffer.alloc(MEMORY_STAT_BYTES), 1, 0));
}
