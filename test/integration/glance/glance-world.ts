import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createImageServices, type ImageServiceOptions } from '../../../src/drivers/glance/create-image-services.ts';
import type { Image } from '../../../src/model/image.ts';
import type { ImageService, ImageServices } from '../../../src/model/ports/image-service.ts';
import type { TransferOptions } from '../../../src/model/ports/image-store.ts';
import type { PullImageRequest, PushImageRequest } from '../../../src/model/store-requests.ts';
import { importImage } from '../../../src/operations/import-image.ts';
import { type Glance, type Keystone, startGlance, startKeystone } from '../../support/engines.ts';
import { runToEnd } from '../../support/image-core.ts';
import { type ImageFixture, importRequest } from '../images/image-fixture.ts';

export interface GlanceWorld extends AsyncDisposable {
  readonly keystone: Keystone;
  readonly glance: Glance;
  /** A configuration of the service `main`, of the user demo. */
  options(changes?: Partial<ImageServiceOptions>): ImageServiceOptions;
  services(changes?: Partial<ImageServiceOptions>): ImageServices;
  /** A file that nobody else may read. */
  secretFile(content: string): string;
  /** Asks the Image API itself, as demo. */
  ask(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly json: unknown }>;
  askData(id: string): Promise<Buffer>;
  /** All that demo sees. */
  listImages(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A real Keystone, and a real Glance that believes it. */
export async function createGlanceWorld(fixture: ImageFixture): Promise<GlanceWorld> {
  const keystone = await startKeystone();
  const glance = await startGlance({ auth: 'keystone', keystone });
  let token: Promise<string> | null = null;
  let secrets = 0;
  const secretFile = (content: string): string => {
    secrets += 1;
    const file = fixture.path(`secret-${secrets}`);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const options = (changes: Partial<ImageServiceOptions> = {}): ImageServiceOptions => ({
    name: 'main',
    endpoint: null,
    region: null,
    interface: 'public',
    auth: {
      kind: 'password',
      authUrl: keystone.authUrl,
      username: 'demo',
      userDomain: 'Default',
      passwordFile: secretFile(`${keystone.password}\n`),
      project: 'demo',
      projectDomain: 'Default',
    },
    ca: null,
    ...changes,
  });
  const send = async (method: string, path: string, body?: unknown): Promise<Response> => {
    token ??= askToken(keystone);
    return await fetch(`${glance.endpoint}/v2${path}`, {
      method,
      headers: { 'x-auth-token': await token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const ask: GlanceWorld['ask'] = async (method, path, body) => {
    const answer = await send(method, path, body);
    const text = await answer.text();
    return { status: answer.status, json: text.startsWith('{') ? JSON.parse(text) : null };
  };
  return {
    keystone,
    glance,
    options,
    services: (changes) => createImageServices([options(changes)]),
    secretFile,
    ask,
    askData: async (id) => Buffer.from(await (await send('GET', `/images/${id}/file`)).arrayBuffer()),
    listImages: async () => {
      const { json } = await ask('GET', '/images');
      const images: unknown = typeof json === 'object' && json !== null && 'images' in json ? json.images : null;
      if (!Array.isArray(images)) throw new Error(`no list of images: ${JSON.stringify(json)}`);
      return images;
    },
    [Symbol.asyncDispose]: async () => {
      await glance[Symbol.asyncDispose]();
      await keystone[Symbol.asyncDispose]();
    },
  };
}

async function askToken({ authUrl, password }: Keystone): Promise<string> {
  const domain = { name: 'Default' };
  const auth = {
    identity: { methods: ['password'], password: { user: { name: 'demo', domain, password } } },
    scope: { project: { name: 'demo', domain } },
  };
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${authUrl}/auth/tokens`, { method: 'POST', headers, body: JSON.stringify({ auth }) });
  return answer.headers.get('x-subject-token') ?? '';
}

/** An image of one disk of bytes that nobody has compressed yet, in the fixture's store. */
export async function makeStoredImage(
  fixture: ImageFixture,
  {
    sizeMiB = 4,
    name = 'debian',
    properties = {},
  }: Partial<{
    sizeMiB: number;
    name: string;
    properties: Readonly<Record<string, string>>;
  }> = {},
): Promise<Image> {
  const source = fixture.path(`${randomBytes(4).toString('hex')}.raw`);
  writeFileSync(source, randomBytes(sizeMiB * 1024 ** 2));
  const request = importRequest(source, { name, format: 'raw', description: 'as it was on Monday', properties });
  const { result } = await runToEnd(fixture.core(), importImage, request);
  return await fixture.store.readImage(result.imageId ?? '');
}

export function pushRequest(image: string, changes: Partial<PushImageRequest> = {}): PushImageRequest {
  return { kind: 'image.push', image, service: 'main', name: null, disk: null, visibility: null, ...changes };
}

export function pullRequest(image: string, changes: Partial<PullImageRequest> = {}): PullImageRequest {
  return { kind: 'image.pull', service: 'main', image, name: null, ...changes };
}

/** The same services, in which `hook` runs once, as soon as that many bytes have been sent or have come. */
export function atBytes(services: ImageServices, bytes: number, hook: () => void): ImageServices {
  let isDone = false;
  const watch = (options: TransferOptions = {}): TransferOptions => ({
    ...options,
    onBytes: (total) => {
      options.onBytes?.(total);
      if (isDone || total < bytes) return;
      isDone = true;
      hook();
    },
  });
  const wrap = (service: ImageService): ImageService => ({
    ...service,
    upload: (imageId, path, options) => service.upload(imageId, path, watch(options)),
    download: (image, path, options) => service.download(image, path, watch(options)),
  });
  return { list: () => services.list(), open: (name) => wrap(services.open(name)) };
}

/** At once, in the middle of whatever Glance does; `glance.continue()` or `glance.kill()` ends it. */
export function freeze(glance: Glance): void {
  process.kill(Number(readFileSync(`${glance.folder}/run/glance.pid`, 'utf8')), 'SIGSTOP');
}
