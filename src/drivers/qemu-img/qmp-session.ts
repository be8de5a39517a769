import { z } from 'zod';

/** What came from QEMU instead of an answer: its own words. */
export class QmpFailed extends Error {
  override readonly name = 'QmpFailed';
}

/** One side of a QMP conversation (https://www.qemu.org/docs/master/interop/qmp-spec.html). */
export interface QmpSession {
  /** Every line that QEMU prints; what is no answer (greeting, events) is passed over. */
  receive(line: string): void;
  /** Answers of QEMU, as they stand. Throws QmpFailed. */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

const messageSchema = z.object({
  id: z.number().optional(),
  return: z.unknown().optional(),
  error: z.object({ desc: z.string() }).optional(),
});

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export function createQmpSession(write: (text: string) => void): QmpSession {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  return {
    receive: (line) => {
      const message = parseMessage(line);
      if (message?.id === undefined) return;
      const { id, error } = message;
      const asked = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) asked?.resolve(message.return);
      else asked?.reject(new QmpFailed(error.desc));
    },
    execute: (command, args = {}) =>
      new Promise((resolve, reject) => {
        lastId += 1;
        waiting.set(lastId, { resolve, reject });
        write(`${JSON.stringify({ execute: command, arguments: args, id: lastId })}\n`);
      }),
  };
}

/** null for what is not JSON: QEMU's warnings share the line's end with it at times. */
function parseMessage(line: string): z.infer<typeof messageSchema> | null {
  try {
    return messageSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
