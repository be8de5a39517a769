import { runCommand } from '../../lib/run-command.ts';
import type { Notification } from '../../model/ports/notifier.ts';

/** What programs need in order to work; the rest of this process' environment is nobody's business. */
const PASSED_ON = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'TZ', 'TMPDIR'],
  ...['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'],
];
/** For what it leaves behind, which may keep its output open. */
const OUTPUT_GRACE_MS = 500;
const MAX_OUTPUT_BYTES = 64 * 1024;

export interface NotifyCommand {
  /** Absolute path. */
  readonly file: string;
  readonly timeoutMs: number;
}

/**
 * Runs a program without arguments and without a shell: the notification as one line of JSON on its standard input,
 * DARKROOM_EVENT, DARKROOM_INSTANCE and DARKROOM_HOST in its environment. Throws what runCommand throws; also when it ends
 * with another exit code than 0 or takes longer than `timeoutMs` milliseconds.
 */
export async function tellCommand(
  { file, timeoutMs }: NotifyCommand,
  notification: Notification,
  signal: AbortSignal | undefined,
): Promise<void> {
  await runCommand({
    file,
    args: [],
    input: `${JSON.stringify(notification)}\n`,
    wholeEnv: {
      ...passOn(process.env),
      DARKROOM_EVENT: notification.event,
      DARKROOM_INSTANCE: notification.instance.name,
      DARKROOM_HOST: notification.host,
    },
    timeoutMs,
    outputGraceMs: OUTPUT_GRACE_MS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ...(signal === undefined ? {} : { signal }),
  });
}

function passOn(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
