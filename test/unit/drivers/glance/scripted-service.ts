import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createImageServices, type ImageServiceOptions } from '../../../../src/drivers/glance/create-image-services.ts';
import type { ImageService } from '../../../../src/model/ports/image-service.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers one request; its body has been read. */
export type Answer = (response: ServerResponse, request: Seen) => void;

export interface ScriptedService {
  readonly url: string;
  /** In order of arrival. */
  readonly seen: readonly Seen[];
  readonly folder: string;
  /** What the next requests of a method and path get, in this order; the last again and again. */
  on(request: string, ...answers: readonly Answer[]): void;
  open(changes?: Partial<ImageServiceOptions>): ImageService;
  secretFile(content: string, mode?: number): string;
  close(): Promise<void>;
}

/** A server that says what it was told to, where a real Glance could not be made to. */
export async function serveScript(): Promise<ScriptedService> {
  const folder = mkdtempSync(path.join(tmpdir(), 'dr-gl-'));
  const script = new Map<string, Answer[]>();
  const seen: Seen[] = [];
  const server = createServer((incoming, response) => void answer(incoming, response));
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = incoming;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return;
    }
    const request: Seen = { method, url, headers, body: Buffer.concat(chunks).toString('latin1') };
    seen.push(request);
    const answers = script.get(`${method} ${url}`) ?? [];
    const next = answers.length > 1 ? answers.shift() : answers[0];
    if (next === undefined) response.writeHead(404).end(`nothing is scripted for ${method} ${url}`);
    else next(response, request);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server.address())}`;
  return {
    url,
    seen,
    folder,
    on: (request, ...answers) => void script.set(request, [...answers]),
    open: (changes = {}) => createImageServices([{ ...optionsFor(url), ...changes }]).open('main'),
    secretFile: (content, mode = 0o600) => {
      const file = path.join(folder, `secret-${mode}`);
      writeFileSync(file, content, { mode });
      return file;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function optionsFor(endpoint: string): ImageServiceOptions {
  return {
    name: 'main',
    endpoint,
    region: null,
    interface: 'public',
    auth: { kind: 'none' },
    ca: null,
    limits: { retryForMs: 3_000, answerMs: 500, dataMs: 500, connectMs: 500 },
  };
}

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  };
}

export function text(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => {
    response.writeHead(status, headers).end(body);
  };
}

/** The connection ends without an answer. */
export const hangUp: Answer = (response) => {
  response.socket?.destroy();
};

/** Never. */
export const silence: Answer = () => undefined;

export function imageJson(changes: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    id: '7a0d7b86-2a53-4f3a-8f0e-a2b4b7a0c001',
    name: 'debian',
    status: 'active',
    disk_format: 'raw',
    container_format: 'bare',
    size: 5,
    virtual_size: 5,
    min_disk: 0,
    min_ram: 0,
    visibility: 'private',
    protected: false,
    owner: null,
    created_at: '2024-03-01T12:00:00Z',
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    ...changes,
  };
}

export function tokenJson(url: string, changes: Readonly<Record<string, unknown>> = {}): unknown {
  const endpoint = { interface: 'public', region: 'one', region_id: 'one', url };
  return {
    token: {
      issued_at: '2024-03-01T12:00:00.000000Z',
      expires_at: '2024-03-01T13:00:00.000000Z',
      catalog: [{ type: 'image', name: 'glance', endpoints: [endpoint] }],
      ...changes,
    },
  };
}
