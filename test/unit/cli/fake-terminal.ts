import { Writable } from 'node:stream';
import { buildApp } from '../../../src/agent/app.ts';
import { createClient } from '../../../src/api/client.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import type { Interrupts, Signal } from '../../../src/cli/interrupts.ts';
import type { OpenOptions } from '../../../src/cli/open-context.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { FakeApplication } from '../agent/fake-application.ts';

/** Keeps what is written to it; a terminal or a pipe. */
export class FakeStream extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 120;

  constructor(options: { readonly isTerminal: boolean } = { isTerminal: false }) {
    super();
    this.isTTY = options.isTerminal;
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, callback: () => void): void {
    this.text += chunk.toString();
    callback();
  }

  // What a terminal of Node's has, and a bar uses.
  cursorTo(): void {}
  clearLine(): void {}
}

export class FakeInterrupts implements Interrupts {
  isFinished = false;
  readonly #listeners = new Set<(signal: Signal) => void>();

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  finish(): void {
    this.isFinished = true;
  }

  listen(onSignal: (signal: Signal) => void): Disposable {
    this.#listeners.add(onSignal);
    return { [Symbol.dispose]: () => void this.#listeners.delete(onSignal) };
  }

  send(signal: Signal = 'SIGINT'): void {
    for (const listener of this.#listeners) listener(signal);
  }
}

/** A command line over a fake application. */
export class FakeTerminal {
  readonly application = new FakeApplication();
  readonly interrupts = new FakeInterrupts();
  readonly stdout: FakeStream;
  readonly stderr: FakeStream;
  readonly opened: OpenOptions[] = [];
  isAgent = false;
  environment: NodeJS.ProcessEnv = {};
  /** Name of the other host that it is. */
  host: string | null = null;
  patience = { totalMs: 60_000, pauseMs: 1 };

  constructor(options: { readonly isTerminal: boolean } = { isTerminal: false }) {
    this.stdout = new FakeStream(options);
    this.stderr = new FakeStream(options);
  }

  async run(...args: readonly string[]): Promise<number> {
    const { stdout, stderr, interrupts, environment } = this;
    const version = '9.9.9';
    return await runCli(args, {
      stdout,
      stderr,
      interrupts,
      version,
      environment,
      open: async (options) => {
        this.opened.push(options);
        const app = buildApp({ application: this.application });
        const client = createClient(createInjectTransport(app));
        const close = async () => {
          await app.close();
          await this.application[Symbol.asyncDispose]();
        };
        const { output } = options;
        const { isAgent, host, patience } = this;
        return { client, output, interrupts, isAgent, host, patience, [Symbol.asyncDispose]: close };
      },
    });
  }

  get json(): unknown {
    return JSON.parse(this.stdout.text);
  }

  /** The lines of stderr, each a JSON document. */
  get jsonLines(): readonly unknown[] {
    return this.stderr.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}
