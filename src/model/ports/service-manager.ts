/** A listening socket that the service manager opened for us. */
export interface InheritedSocket {
  readonly fd: number;
  /** `unknown` where the service manager gave it none. */
  readonly name: string;
  readonly family: 'unix' | 'tcp';
  /** Of a unix socket that has one. */
  readonly path: string | null;
}

/**
 * Whoever started the daemon and wants to know how it is. Where nobody does every call does nothing; none of them ever
 * throws, since a daemon must not fail because nobody listens.
 */
export interface ServiceManager {
  readonly sockets: readonly InheritedSocket[];
  /** It acts when it has not heard `alive` for so long; null: it does not care. */
  readonly watchdogMs: number | null;
  /** The start is over, or a reload is. */
  ready(status: string): void;
  reloading(): void;
  stopping(status: string): void;
  /** One line for people. */
  status(text: string): void;
  alive(): void;
  /** Starting or stopping may take so long from now on; to be repeated before that is over. */
  extendTimeout(ms: number): void;
}
