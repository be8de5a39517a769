import { DarkroomError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Notification, Notifier, NotifyTargets } from '../../model/ports/notifier.ts';

export interface NotifierOptions {
  /** Asked for every notification, so that a reload reaches them. */
  readonly targets: () => NotifyTargets;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly limits?: NotifyLimits;
}

export interface NotifyLimits {
  /** For each try to tell the webhook, in milliseconds. */
  readonly requestMs: number;
  readonly commandMs: number;
}

const LIMITS: NotifyLimits = { requestMs: 10_000, commandMs: 30_000 };
/** Of notifications that reached some and not all; the oldest are forgotten. */
const MAX_REMEMBERED = 1000;

interface Target {
  /** Where the same target is the same. */
  readonly key: string;
  tell(notification: Notification, signal: AbortSignal | undefined): Promise<void>;
}

/**
 * Tells a webhook, a program, or both; one that fails does not keep the other from hearing. When a notification is sent again
 * because not all could be told, whoever has heard of it already is not told twice.
 */
export function createNotifier({ targets, clock, limits = LIMITS }: NotifierOptions): Notifier {
  const heard = new Map<string, Set<string>>();
  return {
    get isConfigured() {
      const { webhookUrl, command } = targets();
      return webhookUrl !== null || command !== null;
    },
    send: async (notification, signal) => {
      if (isCancelled(signal)) throw cancelled();
      const keys = heard.get(notification.id) ?? new Set();
      const missing = listTargets(targets(), { clock, limits }).filter(({ key }) => !keys.has(key));
      const failures = await tellAll(missing, { notification, signal, onHeard: (key) => keys.add(key) });
      heard.delete(notification.id);
      if (failures.length === 0) return;
      remember(heard, notification.id, keys);
      throw isCancelled(signal) ? cancelled() : failed(notification, failures);
    },
  };
}

/** What they are made of is loaded when somebody is to be told: a command line that composes all this tells nobody. */
function listTargets(
  { webhookUrl: url, webhookSecretFile: secretFile, command: file }: NotifyTargets,
  { clock, limits }: Required<Pick<NotifierOptions, 'clock' | 'limits'>>,
): readonly Target[] {
  const targets: Target[] = [];
  if (url !== null) {
    const tell: Target['tell'] = async (notification, signal) => {
      const { tellWebhook } = await import('./tell-webhook.ts');
      await tellWebhook({ url, secretFile, timeoutMs: limits.requestMs }, notification, { clock, signal });
    };
    targets.push({ key: url, tell });
  }
  if (file !== null) {
    const tell: Target['tell'] = async (notification, signal) => {
      const { tellCommand } = await import('./tell-command.ts');
      await tellCommand({ file, timeoutMs: limits.commandMs }, notification, signal);
    };
    targets.push({ key: file, tell });
  }
  return targets;
}

interface Telling {
  readonly notification: Notification;
  readonly signal: AbortSignal | undefined;
  readonly onHeard: (key: string) => void;
}

/** Why some could not be told. */
async function tellAll(
  targets: readonly Target[],
  { notification, signal, onHeard }: Telling,
): Promise<readonly unknown[]> {
  const outcomes = await Promise.allSettled(
    targets.map(async (target) => {
      await target.tell(notification, signal);
      onHeard(target.key);
    }),
  );
  return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
}

function remember(heard: Map<string, Set<string>>, id: string, keys: Set<string>): void {
  heard.set(id, keys);
  for (const oldest of heard.keys()) {
    if (heard.size <= MAX_REMEMBERED) return;
    heard.delete(oldest);
  }
}

function isCancelled(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function cancelled(): DarkroomError {
  return new DarkroomError('CANCELLED', 'Nobody is told any more: that was cancelled.');
}

function failed({ id, event, instance }: Notification, failures: readonly unknown[]): DarkroomError {
  const reasons = failures.map((reason) => (reason instanceof Error ? reason.message : String(reason))).join('; ');
  return new DarkroomError('NOTIFY_FAILED', `Not all could be told of ${event} of ${instance.name}: ${reasons}.`, {
    fields: { notificationId: id, event, instanceId: instance.id },
    cause: failures[0],
  });
}
