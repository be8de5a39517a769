/** Error codes that callers tell apart. https://libvirt.org/html/libvirt-virterror.html#virErrorNumber */
export const ERROR_CODE = {
  internalError: 1,
  noSupport: 3,
  noConnect: 5,
  invalidConn: 6,
  invalidArg: 8,
  operationFailed: 9,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  noNetwork: 43,
  authFailed: 45,
  operationInvalid: 55,
  operationTimeout: 68,
  argumentUnsupported: 74,
  operationUnsupported: 84,
  agentUnresponsive: 86,
  noDomainCheckpoint: 103,
  noDomainBackup: 104,
  checkpointInconsistent: 109,
} as const;

export interface LibvirtErrorFields {
  /** The C function that failed. */
  readonly call: string;
  /** virErrorNumber; 0 when libvirt left no error behind. */
  readonly code: number;
  /** virErrorDomain. */
  readonly domain: number;
  /** virErrorLevel: 1 warning, 2 error. */
  readonly level: number;
  readonly message: string;
  /** The connection is gone, or could not be opened: the next call opens another one. */
  readonly isConnectionLost?: boolean;
}

/** A libvirt call that failed, with what virGetLastError said in the thread that made it. */
export class LibvirtError extends Error implements LibvirtErrorFields {
  override readonly name = 'LibvirtError';
  readonly call: string;
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  readonly isConnectionLost: boolean;

  constructor(fields: LibvirtErrorFields) {
    super(fields.message);
    this.call = fields.call;
    this.code = fields.code;
    this.domain = fields.domain;
    this.level = fields.level;
    this.isConnectionLost = fields.isConnectionLost ?? false;
  }
}
