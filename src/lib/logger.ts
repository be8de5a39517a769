import { createRequire } from 'node:module';
import type { DestinationStream, Logger as PinoLogger } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** Static message, facts as fields. Fields with telling names (password, token …) are replaced at any depth. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** Adds fields to every line. */
  child(fields: LogFields): Logger;
}

/** A logger that was made here, and not the child of another. */
export interface RootLogger extends Logger {
  /** For it and all its children, from now on. */
  setLevel(level: LogLevel): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** For people at a terminal; otherwise a JSON document a line. */
  readonly isPretty: boolean;
  /** Standard error where it is absent: standard output belongs to results. */
  readonly destination?: DestinationStream;
}

/** pino itself is loaded with the first line that is written: most commands write none, and start faster for it. */
export function createLogger(options: LoggerOptions): RootLogger {
  const current = { level: options.level };
  return {
    ...wrap(
      current,
      once(() => openPino(options)),
    ),
    setLevel: (level) => {
      current.level = level;
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function openPino(options: LoggerOptions): PinoLogger {
  const { pino }: typeof import('pino') = createRequire(import.meta.url)('pino');
  // Synchronous: the last lines before a crash are the ones that matter.
  const raw = options.destination ?? pino.destination({ fd: 2, sync: true });
  const destination = options.isPretty ? makePretty(raw) : raw;
  // what is below the level, which may change, never gets here
  const settings = { level: 'debug', base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const formatters = { level: (label: string) => ({ level: label }) };
  // Errors are described below, at any depth; pino's own way knows only the field `err`.
  const serializers = { err: (value: unknown) => value };
  return pino({ ...settings, formatters, serializers }, destination);
}

/** A stream in this process rather than a worker; loaded only here, since it takes longer to load than pino itself. */
function makePretty(destination: DestinationStream): DestinationStream {
  const pretty: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty');
  const factory = pretty.prettyFactory({ colorize: isTerminal(destination), translateTime: 'SYS:HH:MM:ss' });
  return { write: (line) => destination.write(String(factory(JSON.parse(line)))) };
}

function isTerminal(destination: DestinationStream): boolean {
  return 'fd' in destination && destination.fd === 2 && process.stderr.isTTY === true && !process.env['NO_COLOR'];
}

function wrap(current: { readonly level: LogLevel }, open: () => PinoLogger): Logger {
  const at = (level: Exclude<LogLevel, 'silent'>) => (fields: LogFields, message: string) => {
    if (LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(current.level)) open()[level](redact(fields, 0), message);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) =>
      wrap(
        current,
        once(() => open().child(redact(fields, 0))),
      ),
  };
}

const SECRET_NAME = /passw(or)?d|passphrase|secret|token|authorization|cookie|private_?key|user_?data/i;
const MAX_DEPTH = 6;

function redact(fields: LogFields, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      SECRET_NAME.test(name) && value !== null ? '[redacted]' : redactValue(value, depth + 1),
    ]),
  );
}

function redactValue(value: unknown, depth: number): unknown {
  if (value instanceof Error) return describeError(value, depth);
  if (depth > MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  if (isPlainObject(value)) return redact(value, depth);
  return value;
}

/** Errors have no enumerable fields of their own, so JSON would show `{}`. */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const own = redact(Object.fromEntries(Object.entries(error)), depth);
  const cause = error.cause === undefined || depth > MAX_DEPTH ? {} : { cause: redactValue(error.cause, depth + 1) };
  return { ...own, type: error.name, message: error.message, stack: error.stack, ...cause };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
