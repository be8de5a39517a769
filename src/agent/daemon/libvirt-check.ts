import { withDeadline } from '../../lib/async.ts';
import { toDarkroomError } from '../../model/errors.ts';
import type { Application } from '../../operations/application.ts';

/** silent: asked, and no answer within the limit; unreachable: told at once that there is no libvirt. */
export interface LibvirtState {
  readonly kind: 'answers' | 'unreachable' | 'silent';
  readonly error: string | null;
}

/**
 * Asks whether libvirt really answers. Only one question is out at a time: while one hangs, all who ask wait for that
 * one, so that a libvirt that hangs does not use up our threads and its own.
 */
export class LibvirtCheck {
  readonly #application: Pick<Application, 'ping'>;
  #asked: Promise<void> | null = null;

  constructor(application: Pick<Application, 'ping'>) {
    this.#application = application;
  }

  async ask(limitMs: number): Promise<LibvirtState> {
    this.#asked ??= this.#application.ping().finally(() => {
      this.#asked = null;
    });
    try {
      await withDeadline(this.#asked, limitMs, () => new NoAnswer(limitMs));
      return { kind: 'answers', error: null };
    } catch (error) {
      return { kind: error instanceof NoAnswer ? 'silent' : 'unreachable', error: toDarkroomError(error).message };
    }
  }
}

class NoAnswer extends Error {
  constructor(limitMs: number) {
    super(`libvirt does not answer within ${limitMs} ms`);
  }
}
