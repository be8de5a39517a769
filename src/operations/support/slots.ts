import { newUuid } from '../../lib/uuid.ts';
import type { LockHolder } from '../../model/ports/journal.ts';
import type { Core, OperationContext } from './context.ts';

/**
 * What all processes of a host together do at most so many times at once: operations that capture or shelve, disks that are
 * copied, guests whose overlays are committed. An operation takes them in this order and never waits for an earlier kind while
 * it holds a later one, so nobody waits in a circle; its locks are taken before, and those are never waited for.
 */
export type SlotKind = 'capture' | 'copy' | 'commit';

export interface Slot extends AsyncDisposable {
  /** What was looked at before may have changed. */
  readonly hasWaited: boolean;
}

export interface SlotWish {
  /** Ends the waiting: CANCELLED. */
  readonly signal?: AbortSignal;
  /** Asked while there is no free slot; false: none is wanted any more. */
  readonly isPatient?: () => boolean;
  /** At every look but the first that finds none: a wait that is over at once is not worth a word. */
  readonly onWait?: () => Promise<void>;
}

const NEXT_POLL_MS = 100;
const LATER_POLL_MS = 500;
/** Who comes first and takes no free slot for so long is a process that was stopped (Ctrl-Z): it is passed. */
const IDLE_TICKET_MS = 5_000;
const TICKET_DIGITS = 12;

/** Waits until one is free, says so as a step of the operation, and may be cancelled meanwhile. */
export async function takeSlot(context: OperationContext, kind: SlotKind, signal: AbortSignal): Promise<Slot> {
  const { sayWaiting } = announceWait(context, kind);
  return await waitForSlot(context, kind, { signal, onWait: sayWaiting });
}

const OTHERS = { capture: 'captures', copy: 'copies', commit: 'commits' } as const;

export interface WaitAnnouncement {
  /** However often it is called, once. */
  sayWaiting(): Promise<void>;
  /** Goes back to a step of the work, where the wait had been said. */
  sayWorking(step: string): Promise<void>;
}

/** What an operation says of itself while it waits. */
export function announceWait({ operation }: OperationContext, kind: SlotKind): WaitAnnouncement {
  let isSaid = false;
  const say = async (isWaiting: boolean, step: string): Promise<void> => {
    if (isSaid === isWaiting) return;
    isSaid = isWaiting;
    await operation.announce(step);
  };
  return {
    sayWaiting: () => say(true, `waiting for other ${OTHERS[kind]}`),
    sayWorking: (step) => say(false, step),
  };
}

export async function waitForSlot(core: Core, kind: SlotKind, wish: Omit<SlotWish, 'isPatient'>): Promise<Slot> {
  for (;;) {
    const slot = await queueForSlot(core, kind, wish);
    if (slot !== null) return slot;
  }
}

/**
 * First come, first served: by numbered tickets in the lock table, which die with their process as slots do. null when patience
 * ended first. The limit is read at every look: a changed configuration holds at once, and what is taken stays taken.
 */
export async function queueForSlot(core: Core, kind: SlotKind, wish: SlotWish = {}): Promise<Slot | null> {
  const ticket = await drawTicket(core, kind);
  try {
    return await waitForTurn(core, { kind, ticket }, wish);
  } finally {
    await ticket[Symbol.asyncDispose]();
  }
}

interface Claim extends AsyncDisposable {
  readonly key: string;
}

/** One more than any number that somebody waits with; where another was faster, the next. */
async function drawTicket(core: Core, kind: SlotKind): Promise<Claim> {
  const numbers = (await core.locks.list()).flatMap(({ key }) => (isTicket(key, kind) ? [numberOf(key)] : []));
  for (let number = Math.max(0, ...numbers) + 1; ; number += 1) {
    const ticket = await claim(core, `slot-ticket:${kind}:${String(number).padStart(TICKET_DIGITS, '0')}`);
    if (ticket !== null) return ticket;
  }
}

interface Turn {
  readonly kind: SlotKind;
  readonly ticket: Claim;
}

async function waitForTurn(core: Core, turn: Turn, wish: SlotWish): Promise<Slot | null> {
  const isStuck = noticeStuckQueue(core);
  for (let hasWaited = false; ; hasWaited = true) {
    const { free, waitingBefore } = look(await core.locks.list(), turn, limitOf(core, turn.kind));
    if (isStuck(free) || free.length > waitingBefore) {
      const slot = await claimFirst(core, free);
      if (slot !== null) return { hasWaited, [Symbol.asyncDispose]: () => slot[Symbol.asyncDispose]() };
    }
    if (wish.isPatient?.() === false) return null;
    if (hasWaited) await wish.onWait?.();
    await core.clock.sleep(waitingBefore === 0 ? NEXT_POLL_MS : LATER_POLL_MS, wish.signal);
  }
}

/** Says whether slots were free for longer than anybody before needs to take one. */
function noticeStuckQueue(core: Core): (free: readonly string[]) => boolean {
  let idleSinceMs: number | null = null;
  return (free) => {
    const nowMs = core.clock.monotonicMs();
    idleSinceMs = free.length === 0 ? null : (idleSinceMs ?? nowMs);
    return idleSinceMs !== null && nowMs - idleSinceMs > IDLE_TICKET_MS;
  };
}

interface View {
  /** Keys of slots that nobody has. */
  readonly free: readonly string[];
  readonly waitingBefore: number;
}

function look(holders: readonly LockHolder[], { kind, ticket }: Turn, limit: number): View {
  const taken = new Set(holders.filter(({ key }) => key.startsWith(`slot:${kind}:`)).map(({ key }) => key));
  const keys = Array.from({ length: limit }, (_none, index) => `slot:${kind}:${index}`);
  // where the limit was lowered, or another process has a higher one, slots beyond it count too
  const room = Math.max(0, limit - taken.size);
  const before = holders.filter(({ key }) => isTicket(key, kind) && key < ticket.key);
  return { free: keys.filter((key) => !taken.has(key)).slice(0, room), waitingBefore: before.length };
}

async function claimFirst(core: Core, keys: readonly string[]): Promise<Claim | null> {
  for (const key of keys) {
    const slot = await claim(core, key);
    if (slot !== null) return slot;
  }
  return null;
}

/** Under an id of its own, so that an operation that ends gives up exactly what it took. */
async function claim(core: Core, key: string): Promise<Claim | null> {
  const operationId = `slot ${newUuid()}`;
  const holder = await core.locks.tryAcquire([key], { operationId, kind: 'slot', owner: core.processes.self });
  if (holder !== null) return null;
  return { key, [Symbol.asyncDispose]: () => core.locks.release(operationId) };
}

function isTicket(key: string, kind: SlotKind): boolean {
  return key.startsWith(`slot-ticket:${kind}:`);
}

function numberOf(key: string): number {
  return Number(key.slice(-TICKET_DIGITS));
}

function limitOf({ settings }: Core, kind: SlotKind): number {
  switch (kind) {
    case 'capture':
      return settings.maxConcurrentCaptures;
    case 'copy':
      return settings.maxConcurrentCopies;
    case 'commit':
      return settings.maxConcurrentCommits;
    default:
      return kind satisfies never;
  }
}
