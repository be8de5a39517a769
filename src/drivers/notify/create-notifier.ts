import type { Notifier, NotifyTargets } from '../../model/ports/notifier.ts';

export interface NotifierOptions {
  /** Asked for every notification, so that a reload reaches them. */
  readonly targets: () => NotifyTargets;
}

export function createNotifier({ targets }: NotifierOptions): Notifier {
  return {
    get isConfigured() {
      const { webhookUrl, command } = targets();
      return webhookUrl !== null || command !== null;
    },
    send: async () => {},
  };
}
