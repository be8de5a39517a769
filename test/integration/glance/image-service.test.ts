import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NewServiceImage } from '../../../src/model/ports/image-service.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import {
  type Answer,
  hangUp,
  imageJson,
  json,
  type ScriptedService,
  serveScript,
  silence,
  text,
} from '../../unit/drivers/glance/scripted-service.ts';

const ID = '7a0d7b86-2a53-4f3a-8f0e-a2b4b7a0c001';
const SHOW = `GET /v2/images/${ID}`;
const FILE = `/v2/images/${ID}/file`;
const DATA = 'hello';
const HASH = { os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(DATA).digest('hex') };
const NEW: NewServiceImage = {
  id: ID,
  name: 'debian',
  diskFormat: 'qcow2',
  minDiskGiB: 2,
  minMemoryMiB: 64,
  visibility: 'shared',
  isProtected: false,
  properties: { hw_disk_bus: 'virtio', name: 'a property that lies' },
};
let service: ScriptedService;

beforeEach(async () => {
  service = await serveScript();
});

afterEach(() => service.close());

function file(content: string): string {
  const name = path.join(service.folder, 'data');
  writeFileSync(name, content);
  return name;
}

function count(method: string): number {
  return service.seen.filter((each) => each.method === method).length;
}

it('creates an image with properties beside its own fields, which they cannot replace', async () => {
  service.on('POST /v2/images', json(imageJson({ status: 'queued', hw_disk_bus: 'virtio' }), 201));
  const made = await service.open().create(NEW);
  expect(made).toMatchObject({ id: ID, status: 'queued', properties: { hw_disk_bus: 'virtio' }, hash: null });
  expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({
    ...{ id: ID, name: 'debian', disk_format: 'qcow2', container_format: 'bare', min_disk: 2, min_ram: 64 },
    ...{ visibility: 'shared', protected: false, hw_disk_bus: 'virtio' },
  });
});

it('knows its own image again when the answer to its creation was lost', async () => {
  service.on('POST /v2/images', hangUp, text(409, 'already exists'));
  service.on(SHOW, json(imageJson({ status: 'queued' })));
  expect((await service.open().create(NEW)).id).toBe(ID);
});

it.each([
  ['refused connections', [hangUp, hangUp]],
  ['passing statuses', [text(502), text(503), text(500)]],
  ['silence', [silence]],
  ['too many requests', [text(429, '', { 'retry-after': '1' })]],
] as const)('repeats what may be repeated after %s', async (_, answers) => {
  service.on(SHOW, ...answers, json(imageJson()));
  const before = performance.now();
  expect((await service.open().find(ID)).name).toBe('debian');
  expect(count('GET')).toBe(answers.length + 1);
  if (answers[0] !== hangUp && answers.length === 1) expect(performance.now() - before).toBeGreaterThan(450);
});

it('gives up in the end, and says what it saw', async () => {
  service.on(SHOW, text(503, 'down for maintenance'));
  const hasty = service.open({ limits: { retryForMs: 300 } });
  const failure = await expectFailure(hasty.find(ID), 'IMAGE_SERVICE_UNUSABLE');
  expect(failure.message).toContain('503: down for maintenance');
});

it('ends at once when the signal fires, in the middle of its patience', async () => {
  service.on(SHOW, text(503));
  const patient = service.open({ limits: { retryForMs: 60_000 } });
  const before = performance.now();
  await expectFailure(patient.find(ID, AbortSignal.timeout(200)), 'CANCELLED');
  expect(performance.now() - before).toBeLessThan(20_000);
});

it.each([
  [403, 'not allowed', 'IMAGE_SERVICE_FAILED', 'not allowed'],
  [403, 'Quota exceeded for images', 'QUOTA_EXCEEDED', 'raised'],
  [413, 'Image storage quota exceeded', 'QUOTA_EXCEEDED', 'Delete images there'],
  [413, 'Image storage media is full', 'IMAGE_SERVICE_FAILED', 'storage is full'],
  [
    400,
    '<html><head><title>400 Bad Request</title></head><body><h1>400</h1>bad &lt;key&gt;</body></html>',
    'IMAGE_SERVICE_FAILED',
    '(400: bad <key>)',
  ],
  [300, '{"versions": []}', 'IMAGE_SERVICE_UNUSABLE', 'no Image API v2'],
  [401, 'who are you', 'IMAGE_SERVICE_UNUSABLE', 'credentials'],
] as const)('explains %i %s', async (status, body, code, words) => {
  service.on('POST /v2/images', text(status, body));
  service.on(SHOW, text(404));
  const failure = await expectFailure(service.open().create(NEW), code);
  expect(failure.message).toContain(words);
  expect(count('POST')).toBe(1);
});

it('says at once that nobody listens, to who only asks', async () => {
  const nobody = service.open({ endpoint: 'http://127.0.0.1:1' });
  const failure = await expectFailure(nobody.check(), 'IMAGE_SERVICE_UNUSABLE');
  expect(failure.message).toContain('ECONNREFUSED');
});

it('does not wait for a name that nobody knows', async () => {
  const failure = await expectFailure(
    service.open({ endpoint: 'http://no-such-host.invalid', limits: { retryForMs: 60_000 } }).find(ID),
    'IMAGE_SERVICE_UNUSABLE',
  );
  expect(failure.message).toMatch(/no-such-host\.invalid/);
});

it('is refused by what is no image service', async () => {
  service.on('GET /v2/images?limit=1', text(404, 'no such page'));
  await expectFailure(service.open().check(), 'IMAGE_SERVICE_UNUSABLE');
  service.on(SHOW, text(200, 'a web page'));
  await expectFailure(service.open().find(ID), 'IMAGE_SERVICE_FAILED');
});

it('waits with the data for leave to send it, and is sure of what arrived', async () => {
  service.on(`PUT ${FILE}`, text(204));
  service.on(SHOW, json(imageJson(HASH)));
  const totals: number[] = [];
  const image = await service.open().upload(ID, file(DATA), { onBytes: (bytes) => totals.push(bytes) });
  expect(image.hash).toEqual({ algorithm: 'sha512', value: HASH.os_hash_value });
  expect(totals).toEqual([5]);
  expect(service.seen[0]).toMatchObject({
    body: DATA,
    headers: { expect: '100-continue', 'content-type': 'application/octet-stream', 'content-length': '5' },
  });
});

it('compares by whatever the service hashes with', async () => {
  const sha256 = createHash('sha256').update(DATA).digest('hex');
  service.on(`PUT ${FILE}`, text(204));
  service.on(SHOW, json(imageJson({ os_hash_algo: 'sha256', os_hash_value: sha256 })));
  expect((await service.open().upload(ID, file(DATA))).id).toBe(ID);
  expect(await service.open().holds(ID, file(DATA))).toBe(true);
  expect(await service.open().holds(ID, file('hallo'))).toBe(false);
});

it('says so when something else arrived than was sent', async () => {
  service.on(`PUT ${FILE}`, text(204));
  service.on(SHOW, json(imageJson({ ...HASH, os_hash_value: 'ab' })));
  await expectFailure(service.open().upload(ID, file(DATA)), 'COPY_FAILED');
  service.on(SHOW, json(imageJson({ ...HASH, size: 4 })));
  await expectFailure(service.open().upload(ID, file(DATA)), 'COPY_FAILED');
});

it('counts an upload whose answer was lost, where all had arrived', async () => {
  service.on(`PUT ${FILE}`, hangUp);
  service.on(SHOW, json(imageJson(HASH)));
  expect((await service.open().upload(ID, file(DATA))).status).toBe('active');
});

it('sends the data once: what broke off may go well another time', async () => {
  service.on(`PUT ${FILE}`, hangUp);
  service.on(SHOW, json(imageJson({ status: 'queued' })));
  const failure = await expectFailure(service.open().upload(ID, file(DATA)), 'IMAGE_SERVICE_FAILED');
  expect(failure).toMatchObject({ fields: { isPassing: true } });
  expect(count('PUT')).toBe(1);
});

it('holds nothing where the image is gone or not active', async () => {
  service.on(SHOW, text(404), json(imageJson({ ...HASH, status: 'saving' })));
  expect(await service.open().holds(ID, file(DATA))).toBe(false);
  expect(await service.open().holds(ID, file(DATA))).toBe(false);
});

it('downloads again from where it broke off, or from the beginning where there are no ranges', async () => {
  const half: Answer = (response) => {
    response.writeHead(200, { 'content-length': '5' });
    response.write(DATA.slice(0, 2), () => setTimeout(() => response.destroy(), 20));
  };
  const rest: Answer = (response, { headers }) => {
    expect(headers.range).toBe('bytes=2-4');
    response.writeHead(206, { 'content-range': 'bytes 2-4/5' }).end(DATA.slice(2));
  };
  for (const last of [rest, text(200, DATA)]) {
    service.on(`GET ${FILE}`, half, last);
    service.on(SHOW, json(imageJson(HASH)));
    const glance = service.open();
    const target = file('');
    await glance.download(await glance.find(ID), target);
    expect(readFileSync(target, 'utf8')).toBe(DATA);
  }
});

it('leaves no trace of what came before it began again', async () => {
  const zeroes = '\0'.repeat(5);
  const hash = { os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(zeroes).digest('hex') };
  const wrong: Answer = (response) => {
    response.writeHead(200, { 'content-length': '5' });
    response.write('hel', () => setTimeout(() => response.destroy(), 20));
  };
  service.on(`GET ${FILE}`, wrong, text(200, zeroes));
  service.on(SHOW, json(imageJson(hash)));
  const glance = service.open();
  const target = file('');
  await glance.download(await glance.find(ID), target);
  expect(readFileSync(target, 'latin1')).toBe(zeroes);
});

it.each([
  ['other data', 'hallo', 'COPY_FAILED'],
  ['more data than there should be', `${DATA}!`, 'COPY_FAILED'],
  ['less data than there should be', 'hell', 'IMAGE_SERVICE_FAILED'],
] as const)('refuses %s', async (_, data, code) => {
  service.on(`GET ${FILE}`, text(200, data));
  service.on(SHOW, json(imageJson(HASH)));
  const glance = service.open({ limits: { retryForMs: 300 } });
  await expectFailure(glance.download(await glance.find(ID), file('')), code);
});

it('checks the MD5 of images that are older than other hashes', async () => {
  service.on(SHOW, json(imageJson({ checksum: createHash('md5').update(DATA).digest('hex') })));
  service.on(`GET ${FILE}`, text(200, DATA), text(200, 'hallo'));
  const glance = service.open();
  await glance.download(await glance.find(ID), file(''));
  await expectFailure(glance.download(await glance.find(ID), file('')), 'COPY_FAILED');
});

it('finds by name where no id is meant, and asks which where there are several', async () => {
  const list = 'GET /v2/images?limit=5&name=debian';
  service.on(list, json({ images: [imageJson()] }));
  expect((await service.open().find('debian')).id).toBe(ID);
  service.on(list, json({ images: [imageJson(), imageJson({ id: 'other' })] }));
  const failure = await expectFailure(service.open().find('debian'), 'AMBIGUOUS_NAME');
  expect(failure.message).toContain(`${ID}, other`);
  service.on(list, json({ images: [] }));
  await expectFailure(service.open().find('debian'), 'IMAGE_NOT_FOUND');
});

it('deletes a protected image, and is content when it is gone', async () => {
  service.on(`DELETE /v2/images/${ID}`, text(403, 'is protected'), text(204));
  service.on(SHOW, json(imageJson({ protected: true })));
  service.on(`PATCH /v2/images/${ID}`, json(imageJson()));
  await service.open().delete(ID);
  expect(service.seen.map(({ method }) => method)).toEqual(['DELETE', 'GET', 'PATCH', 'DELETE']);
  service.on(`DELETE /v2/images/${ID}`, text(404));
  await service.open().delete(ID);
});
