import { expect, it, vi } from 'vitest';
import { createProcessInterrupts } from '../../../src/cli/interrupts.ts';

it('ends the command while nobody listens, unless its work is done; what comes then is kept for work that follows', () => {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = new Set(names.flatMap((name) => process.listeners(name)));
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => {
    throw new Error('exit');
  });
  try {
    const interrupts = createProcessInterrupts();
    const signal = () => process.listeners('SIGINT').at(-1)?.('SIGINT');
    expect(signal).toThrow('exit');
    interrupts.finish();
    signal();
    const heard: string[] = [];
    const listening = interrupts.listen((each) => heard.push(each));
    expect(heard).toEqual(['SIGINT']);
    signal();
    expect(heard).toEqual(['SIGINT', 'SIGINT']);
    listening[Symbol.dispose]();
    expect(signal).toThrow('exit');
    interrupts.finish();
    signal();
    expect(signal).toThrow('exit');
    expect(exit).toHaveBeenCalledWith(130);
  } finally {
    exit.mockRestore();
    for (const name of names) {
      for (const listener of process.listeners(name)) if (!before.has(listener)) process.off(name, listener);
    }
  }
});
