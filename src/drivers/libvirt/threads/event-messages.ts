/** To the event thread. Many connections share the one loop that libvirt has per process; `id` tells them apart. */
export type EventRequest =
  | { readonly kind: 'open'; readonly id: number; readonly uri: string }
  | { readonly kind: 'close'; readonly id: number };

/** As libvirt gives them, with its numbers. */
export type RawEvent =
  | { readonly kind: 'lifecycle'; readonly uuid: string; readonly event: number; readonly detail: number }
  | { readonly kind: 'block-job'; readonly uuid: string; readonly disk: string; readonly status: number }
  | { readonly kind: 'agent'; readonly uuid: string; readonly state: number }
  | { readonly kind: 'metadata'; readonly uuid: string }
  | { readonly kind: 'connection'; readonly isConnected: boolean; readonly reason: string };

/** From the event thread. */
export interface EventMessage {
  readonly id: number;
  readonly event: RawEvent;
}

/**
 * Shared with the event thread: `[0]` 1 asks it to stop, `[1]` is the descriptor that wakes it, once there is one, and
 * `[2]` is 1 when it has stopped.
 */
export const STOP = 0;
export const WAKE_FD = 1;
export const STOPPED = 2;
export const SHARED_BYTES = 12;
