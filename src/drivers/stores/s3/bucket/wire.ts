import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectSecure } from 'node:tls';
import { brokenOff, Silence } from './classify-failure.ts';
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS } from './client.ts';
import { type ByteRange, parseRangeAnswer } from './wire-answer.ts';

const HEAD_BYTES = 16 * 1024;

export interface Place {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
}

/** Where a body goes. */
export interface Intake {
  /** For the next bytes; at least HEAD_BYTES long together with what comes after it was taken. */
  room(): Buffer;
  /** What is returned is waited for before more comes. */
  took(bytes: number): Promise<void> | null;
}

export interface WireRequest {
  /** As it is sent. */
  readonly head: string;
  readonly range: ByteRange;
  readonly intake: Intake;
  readonly signal: AbortSignal;
}

interface Exchange extends WireRequest {
  /** Of the body; null until the head was read. */
  missingBytes: number | null;
  isLast: boolean;
  readonly resolve: (isTaken: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A connection that brings ranges of objects straight to where they shall be. Node's own client of HTTP allocates every piece anew,
 * outside of its heap, and collects its garbage so often for it that a download costs five times as much.
 */
export class Wire {
  readonly #socket: Socket;
  readonly #head = Buffer.allocUnsafeSlow(HEAD_BYTES);
  #headBytes = 0;
  #exchange: Exchange | null = null;
  #isHeld = false;

  constructor(place: Place) {
    this.#socket = open(place, {
      buffer: () => this.#nextBuffer(),
      callback: (bytes) => this.#read(bytes),
    });
    const silence = new Silence(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`);
    const timer = setTimeout(() => this.#fail(silence), CONNECT_TIMEOUT_MS);
    this.#socket.once(place.isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
    this.#socket.once('close', () => {
      clearTimeout(timer);
      this.#fail(brokenOff('the answer ended early'));
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('timeout', () => this.#idle());
  }

  get isOpen(): boolean {
    return this.#socket.writable;
  }

  /**
   * One at a time. False where the answer is any other than that range in one piece: nothing of it was taken, and the connection is
   * closed. Errors of Node, and `Silence`.
   */
  async get(request: WireRequest): Promise<boolean> {
    const { signal, head } = request;
    const onAbort = (): void => this.#fail(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#exchange = { ...request, missingBytes: null, isLast: false, resolve, reject };
        this.#socket.setTimeout(IDLE_TIMEOUT_MS);
        this.#socket.write(head, 'latin1');
      });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #nextBuffer(): Buffer {
    const { missingBytes = null, intake = null } = this.#exchange ?? {};
    if (missingBytes === null || intake === null) return this.#head.subarray(this.#headBytes);
    const room = intake.room().subarray(0, missingBytes);
    if (room.length > 0) return room;
    this.#fail(brokenOff('more came than there was room for'));
    return this.#head;
  }

  /** False: nothing more until the socket is told to go on. */
  #read(bytes: number): boolean {
    const exchange = this.#exchange;
    if (exchange === null) this.#socket.destroy();
    else if (exchange.missingBytes === null) this.#readHead(exchange, bytes);
    else this.#take(exchange, bytes);
    return !this.#isHeld;
  }

  #readHead(exchange: Exchange, bytes: number): void {
    this.#headBytes += bytes;
    const seen = this.#head.subarray(0, this.#headBytes);
    const answer = parseRangeAnswer(seen, exchange.range);
    if (answer === 'incomplete' && seen.length < HEAD_BYTES) return;
    if (typeof answer === 'string' || seen.length - answer.bodyAt > exchange.range.lengthBytes) {
      this.#finish(exchange, false);
      return;
    }
    exchange.missingBytes = exchange.range.lengthBytes;
    exchange.isLast = answer.isLast;
    this.#headBytes = 0;
    for (let at = answer.bodyAt; at < seen.length; ) {
      const copied = seen.copy(exchange.intake.room(), 0, at);
      at += copied;
      this.#take(exchange, copied);
    }
  }

  #take(exchange: Exchange, bytes: number): void {
    const missingBytes = (exchange.missingBytes ?? 0) - bytes;
    exchange.missingBytes = missingBytes;
    const isDone = exchange.intake.took(bytes);
    if (missingBytes === 0) this.#finish(exchange, true);
    else if (isDone !== null) this.#hold(isDone);
  }

  #hold(isDone: Promise<void>): void {
    this.#isHeld = true;
    const goOn = (): void => {
      this.#isHeld = false;
      this.#socket.resume();
    };
    isDone.then(goOn, (error: unknown) => this.#fail(error));
  }

  /** A disk that is slow is no silence of the server. */
  #idle(): void {
    if (this.#isHeld) this.#socket.setTimeout(IDLE_TIMEOUT_MS);
    else this.#fail(new Silence(`no byte for ${IDLE_TIMEOUT_MS / 1000} s`));
  }

  #finish(exchange: Exchange, isTaken: boolean): void {
    this.#exchange = null;
    if (!isTaken || exchange.isLast) this.#socket.destroy();
    exchange.resolve(isTaken);
  }

  #fail(error: unknown): void {
    this.#socket.destroy();
    this.#exchange?.reject(error);
    this.#exchange = null;
  }
}

function open({ isSecure, host, port }: Place, onread: OnReadOpts): Socket {
  if (!isSecure) return connectPlain({ host, port, noDelay: true, onread });
  const name = isIP(host) === 0 ? { servername: host } : {};
  const options: ConnectionOptions & { readonly onread: OnReadOpts } = { host, port, ...name, onread };
  return connectSecure({ ...options, ALPNProtocols: ['http/1.1'] });
}
