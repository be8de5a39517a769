import { beforeEach, describe, expect, it } from 'vitest';
import { createOutbox, type Outbox } from '../../../../src/agent/scheduler/outbox.ts';
import type { Notification } from '../../../../src/model/ports/notifier.ts';
import { createFakeNotifier, type FakeNotifier } from '../../../support/fake-notifier.ts';
import { createRememberingLogger, type RememberingLogger } from '../../../support/remembering-logger.ts';

let notifier: FakeNotifier;
let log: RememberingLogger;
let wakes: number;
let outbox: Outbox;

beforeEach(() => {
  notifier = createFakeNotifier();
  log = createRememberingLogger();
  wakes = 0;
  outbox = createOutbox({
    notifier,
    log,
    wake: () => {
      wakes += 1;
    },
  });
});

function make(id: string): Notification {
  return {
    id,
    event: 'backup.failed',
    at: '2026-05-01T10:00:00.000Z',
    host: 'host-a',
    instance: { id: 'web', name: 'web' },
    scheduleId: null,
    backupType: 'daily',
    message: 'it failed',
    error: null,
  };
}
const turn = (signal = new AbortController().signal) => outbox.task(signal);
const sent = () => notifier.sent.map(({ id }) => id);

describe('notifications', () => {
  it('leave in their order, as soon as they are there', async () => {
    outbox.push(make('a'));
    outbox.push(make('b'));
    expect(wakes).toBe(2);
    await turn();
    await turn();
    expect(sent()).toEqual(['a', 'b']);
    expect(outbox.waiting).toBe(0);
  });

  it('that cannot be sent are logged, wait, and are tried again', async () => {
    notifier.failures = [new Error('the webhook is away')];
    outbox.push(make('a'));
    outbox.push(make('b'));
    await turn();
    expect(sent()).toEqual([]);
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { notificationId: 'a', error: 'the webhook is away', instanceId: 'web' } },
    ]);
    await turn();
    expect(sent()).toEqual(['a', 'b']);
  });

  it('are dropped, the oldest first, where a thousand wait', async () => {
    for (let number = 0; number <= 1000; number += 1) outbox.push(make(`n${number}`));
    expect(outbox.waiting).toBe(1000);
    await turn();
    expect(sent()[0]).toBe('n1');
    expect(sent()).toHaveLength(1000);
  });

  it('that are dropped while they are sent take no other with them', async () => {
    const { send } = notifier;
    notifier.send = async (notification) => {
      if (notification.id === 'n0') for (let number = 1; number <= 1000; number += 1) outbox.push(make(`n${number}`));
      await send(notification);
    };
    outbox.push(make('n0'));
    await turn();
    expect(sent()).toHaveLength(1001);
  });

  it('are no more begun by an agent that stops', async () => {
    outbox.push(make('a'));
    await turn(AbortSignal.abort());
    expect(sent()).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  it('go nowhere where nobody is configured', async () => {
    outbox = createOutbox({ notifier: { ...notifier, isConfigured: false }, log, wake: () => undefined });
    outbox.push(make('a'));
    expect(outbox.waiting).toBe(0);
  });
});
