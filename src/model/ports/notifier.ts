/** Something that somebody should hear of, though nobody asked. */
export interface Notification {
  readonly id: string;
  readonly event: 'backup.failed' | 'backup.recovered' | 'backup.overdue';
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly host: string;
  readonly instance: { readonly id: string; readonly name: string };
  /** null: no schedule is concerned. */
  readonly scheduleId: string | null;
  readonly backupType: string;
  readonly message: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** How notifications leave this host. */
export interface Notifier {
  /** False: nothing is configured, nobody hears. */
  readonly isConfigured: boolean;
  /**
   * Tells all who are configured; NOTIFY_FAILED when one of them could not be told, CANCELLED by the signal. Within a minute.
   * Sent again by the same id, it reaches only those who have not heard of it.
   */
  send(notification: Notification, signal?: AbortSignal): Promise<void>;
}

export interface NotifyTargets {
  /** https:// or http:// URL that is told with POST; null: none. */
  readonly webhookUrl: string | null;
  /** File with the key that signs what the webhook is told; null: unsigned. */
  readonly webhookSecretFile: string | null;
  /** Program that is run with the notification on its standard input; null: none. */
  readonly command: string | null;
}
