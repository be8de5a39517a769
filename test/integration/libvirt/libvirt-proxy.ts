import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const LIBVIRTD = '/run/libvirt/libvirt-sock';

interface Link {
  readonly client: net.Socket;
  readonly daemon: net.Socket;
}

/** Stands between libvirt clients and libvirtd, so that a test can delay answers and lose connections at will. */
export class LibvirtProxy implements AsyncDisposable {
  readonly uri: string;
  readonly #socketPath: string;
  readonly #links = new Set<Link>();
  #server: net.Server | null = null;
  #isHoldingNew = false;
  #asked = 0;

  private constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.uri = `qemu+unix:///system?socket=${socketPath}`;
  }

  static async start(): Promise<LibvirtProxy> {
    const folder = await mkdtemp(path.join(tmpdir(), 'dr-lv-proxy-'));
    const proxy = new LibvirtProxy(path.join(folder, 'sock'));
    await proxy.listen();
    return proxy;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** How often clients have sent something. */
  get asked(): number {
    return this.#asked;
  }

  listen(): Promise<void> {
    const server = net.createServer((client) => this.#join(client));
    this.#server = server;
    return new Promise((resolve) => server.listen(this.#socketPath, resolve));
  }

  /** Keeps back what the daemon answers to the connections there are, and to new ones if so asked. */
  holdAnswers({ alsoToNew = false } = {}): void {
    this.#isHoldingNew = alsoToNew;
    for (const { client, daemon } of this.#links) {
      daemon.unpipe(client);
      daemon.pause();
    }
  }

  /** From now on new connections are served. */
  serveNew(): void {
    this.#isHoldingNew = false;
  }

  releaseAnswers(): void {
    this.#isHoldingNew = false;
    for (const { client, daemon } of this.#links) daemon.pipe(client);
  }

  /** As if the daemon had been killed: all connections end. */
  cut(): void {
    for (const { client, daemon } of this.#links) {
      client.destroy();
      daemon.destroy();
    }
  }

  /** Cuts, and accepts nobody until `listen`. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.cut();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(path.dirname(this.#socketPath), { recursive: true, force: true });
  }

  #join(client: net.Socket): void {
    const daemon = net.connect(LIBVIRTD);
    const link = { client, daemon };
    this.#links.add(link);
    for (const socket of [client, daemon]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#links.delete(link);
        client.destroy();
        daemon.destroy();
      });
    }
    client.on('data', () => {
      this.#asked += 1;
    });
    client.pipe(daemon);
    if (!this.#isHoldingNew) daemon.pipe(client);
  }
}
