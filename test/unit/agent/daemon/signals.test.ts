import { expect, it } from 'vitest';
import { listenForSignals, whenAborted } from '../../../../src/agent/daemon/signals.ts';
import { FakeInterrupts } from '../../cli/fake-terminal.ts';

it('stops at the first signal and hurries at the second, whichever they are', () => {
  const source = new FakeInterrupts();
  using signals = listenForSignals(source);
  source.send('SIGTERM');
  expect([signals.stop.aborted, signals.hurry.aborted]).toEqual([true, false]);
  source.send('SIGINT');
  expect([signals.stop.aborted, signals.hurry.aborted]).toEqual([true, true]);
});

it('reloads at a hang-up, also at one that came before anybody could', () => {
  const source = new FakeInterrupts();
  using signals = listenForSignals(source);
  source.send('SIGHUP');
  let reloads = 0;
  signals.onReload(() => {
    reloads += 1;
  });
  expect(reloads).toBe(1);
  source.send('SIGHUP');
  expect(reloads).toBe(2);
  expect(signals.stop.aborted).toBe(false);
});

it('lets go of the signals when it is disposed of', () => {
  const source = new FakeInterrupts();
  listenForSignals(source)[Symbol.dispose]();
  expect(source.isHeard).toBe(false);
});

it('waits for a signal, or for one that was already there', async () => {
  const controller = new AbortController();
  const waiting = whenAborted(controller.signal);
  controller.abort();
  await waiting;
  await whenAborted(controller.signal);
});
