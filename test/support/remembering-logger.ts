import type { LogFields, LogLevel, RootLogger } from '../../src/lib/logger.ts';

/** Keeps what it is told. */
export interface RememberingLogger extends RootLogger {
  readonly lines: { readonly level: LogLevel; readonly fields: LogFields; readonly message: string }[];
  level: LogLevel;
}

export function createRememberingLogger(): RememberingLogger {
  const lines: RememberingLogger['lines'] = [];
  const at = (level: LogLevel) => (fields: LogFields, message: string) => void lines.push({ level, fields, message });
  const log: RememberingLogger = {
    lines,
    level: 'info',
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
    setLevel: (level) => {
      log.level = level;
    },
  };
  return log;
}
