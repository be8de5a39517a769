import { LibvirtError, type LibvirtErrorFields } from '../binding/libvirt-error.ts';

export type CallAnswer<R> =
  | { readonly isOk: true; readonly value: R }
  | { readonly isOk: false; readonly failure: CallFailure };

/** An error as plain data: a structured clone would drop class and fields. */
export type CallFailure =
  | { readonly kind: 'libvirt'; readonly fields: LibvirtErrorFields }
  | { readonly kind: 'other'; readonly message: string };

/** What fails before there is a connection, such as loading the library, keeps libvirt from being reached as well. */
export function describeFailure(error: unknown, isConnectionLost: boolean): CallFailure {
  if (error instanceof LibvirtError) {
    const { call, code, domain, level, message } = error;
    return { kind: 'libvirt', fields: { call, code, domain, level, message, isConnectionLost } };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (!isConnectionLost) return { kind: 'other', message };
  return {
    kind: 'libvirt',
    fields: { call: 'virConnectOpen', code: 0, domain: 0, level: 2, message, isConnectionLost },
  };
}

export function reviveFailure(failure: CallFailure): Error {
  return failure.kind === 'libvirt' ? new LibvirtError(failure.fields) : new Error(failure.message);
}
