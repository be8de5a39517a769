import type { DoctorReport } from '../model/doctor.ts';
import type { Image } from '../model/image.ts';
import type { Instance, Volume } from '../model/instance.ts';
import type { Operation } from '../model/operation.ts';
import type { OperationFilter } from '../model/ports/journal.ts';
import type { ImageFilter, OperationRequest, UpdateImageRequest } from '../model/requests.ts';

/** All that Darkroom does on one host, whoever asks: the daemon, or a CLI that composes it in its own process. */
export interface Application extends AsyncDisposable {
  readonly images: {
    list(filter?: ImageFilter): Promise<readonly Image[]>;
    show(reference: string): Promise<Image>;
    update(reference: string, changes: UpdateImageRequest): Promise<Image>;
  };
  readonly instances: {
    list(): Promise<readonly Instance[]>;
    show(reference: string): Promise<Instance>;
  };
  readonly volumes: {
    list(filter?: { readonly instance?: string }): Promise<readonly Volume[]>;
    show(volumeId: string): Promise<Volume>;
  };
  readonly operations: {
    /**
     * Journals and starts an operation; resolves as soon as it runs. What can be refused at once is thrown from here
     * and leaves no operation: unknown names, bad names, conflicts, taken locks. Everything later is in the
     * operation's `error`.
     */
    submit(request: OperationRequest): Promise<Operation>;
    list(filter?: OperationFilter): Promise<readonly Operation[]>;
    show(operationId: string): Promise<Operation>;
    /** Asks a running operation, of whatever process, to undo itself. OPERATION_FINISHED when it is over. */
    cancel(operationId: string): Promise<Operation>;
    /** Yields the operation at once, at every change that is seen, and last when it is over. */
    watch(operationId: string, signal?: AbortSignal): AsyncIterable<Operation>;
  };
  doctor(options: { readonly isRepairing: boolean }): Promise<DoctorReport>;
  /** Puts right what dead processes left behind; called before anything else is served. */
  recover(): Promise<void>;
}
