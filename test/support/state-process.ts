import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./state-child.mjs', import.meta.url));

/** Another process that works on the same state folder. */
export class StateProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(stateDir: string, options: { readonly opens: 'at once' | 'on command' } = { opens: 'at once' }) {
    const late = options.opens === 'on command' ? ['late'] : [];
    this.#child = spawn(process.execPath, [SCRIPT, stateDir, ...late]);
    this.#child.stderr.pipe(process.stderr);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves with what the command gave; rejects with what it threw. */
  async ask(...command: readonly unknown[]): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the process ended');
    const answer: unknown = JSON.parse(value);
    if (typeof answer === 'object' && answer !== null && 'error' in answer) throw new Error(String(answer.error));
    return typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : null;
  }

  /** SIGSTOP and SIGCONT, as a terminal does. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
