import type { Notification, Notifier } from '../../src/model/ports/notifier.ts';

export interface FakeNotifier extends Notifier {
  readonly sent: readonly Notification[];
  /** Thrown by the next sends. */
  failures: Error[];
}

export function createFakeNotifier(): FakeNotifier {
  const sent: Notification[] = [];
  const notifier: FakeNotifier = {
    isConfigured: true,
    sent,
    failures: [],
    send: async (notification) => {
      const failure = notifier.failures.shift();
      if (failure !== undefined) throw failure;
      sent.push(notification);
    },
  };
  return notifier;
}
