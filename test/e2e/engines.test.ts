import { describe, expect, it } from 'vitest';
import {
  type Gateway,
  type Keystone,
  type S3Account,
  startGlance,
  startKeystone,
  useSharedCeph,
} from '../support/engines.ts';
import { runCommand } from './support/run-command.ts';

const NO_ANSWER = '000';
/** Two services of Python start, and make their databases. */
const LONG_MS = 300_000;

describe('Ceph, as scripts/engines runs it', () => {
  it('keeps an object, for whoever has the keys', async () => {
    const ceph = await useSharedCeph();
    const bucket = await ceph.createBucket();
    expect(await askS3(ceph, 'PUT', `${bucket}/object`)).toBe('200');
    expect(await askS3(ceph, 'GET', `${bucket}/object`)).toBe('200');
    expect(await askS3({ ...ceph, secretKey: 'wrong' }, 'GET', `${bucket}/object`)).toBe('403');
  });

  it('is one and the same for all who ask', async () => {
    const [one, other] = await Promise.all([useSharedCeph(), useSharedCeph()]);
    expect(other.endpoint).toBe(one.endpoint);
  });

  it('has gateways whose faults others do not notice', async () => {
    const ceph = await useSharedCeph();
    await using gateway = await ceph.addGateway();
    const bucket = await ceph.createBucket();
    await expectFault(gateway, 'pause', 'continue');
    await expectFault(gateway, 'kill', 'start');
    await expectFault(gateway, 'stop', 'start');
    expect(await askS3(ceph, 'GET', bucket)).toBe('200');

    async function expectFault(of: Gateway, fault: 'pause' | 'kill' | 'stop', remedy: 'continue' | 'start') {
      await of[fault]();
      expect(await askS3(of, 'GET', bucket, { maxSeconds: '2' }), fault).toBe(NO_ANSWER);
      await of[remedy]();
      expect(await askS3(of, 'GET', bucket), remedy).toBe('200');
    }
  });

  it('refuses what is more than the quota of its owner, until that is raised', async () => {
    const ceph = await useSharedCeph();
    const small = await ceph.createUser('small', 4096);
    const bucket = 'small-quota';
    expect(await askS3(small, 'PUT', bucket)).toBe('200');
    expect(await askS3(small, 'PUT', `${bucket}/first`, { body: 'x'.repeat(4096) })).toBe('200');
    expect(await askS3(small, 'PUT', `${bucket}/second`, { body: 'x'.repeat(4096) })).toBe('403');
    await ceph.createUser('small', 65_536);
    // the gateway asks again when it will
    await expect.poll(() => askS3(small, 'PUT', `${bucket}/second`, { body: 'x' }), { timeout: 30_000 }).toBe('200');
  });
});

describe('Glance and Keystone, as scripts/engines runs them', { timeout: LONG_MS }, () => {
  it('give tokens by password and by application credential, which Glance believes', async () => {
    await using keystone = await startKeystone();
    await using glance = await startGlance({ auth: 'keystone', keystone });
    expect((await fetch(`${glance.endpoint}/healthcheck`)).status).toBe(200);
    expect((await fetch(`${glance.endpoint}/v2/images`)).status).toBe(401);
    for (const identity of [byPassword(keystone), byCredential(keystone)]) {
      const token = await askToken(keystone, identity);
      expect(token.catalog).toContain(glance.endpoint);
      const images = await fetch(`${glance.endpoint}/v2/images`, { headers: { 'x-auth-token': token.id } });
      expect(await images.json()).toMatchObject({ images: [] });
    }
  });

  it('answer without Keystone, to a caller whose word is taken for it', async () => {
    await using glance = await startGlance({ auth: 'fake' });
    const headers = { 'x-auth-token': 'me:mine:member' };
    expect((await fetch(`${glance.endpoint}/v2/images`, { headers })).status).toBe(200);
    expect((await fetch(`${glance.endpoint}/v2/images`)).status).toBe(401);
  });
});

/** The status of the answer. */
async function askS3(
  account: S3Account,
  method: string,
  key: string,
  { body = '', maxSeconds = '30' } = {},
): Promise<string> {
  const signed = ['--aws-sigv4', `aws:amz:${account.region}:s3`, '--user', `${account.accessKey}:${account.secretKey}`];
  const content = method === 'PUT' ? ['--data-binary', '@-', '-H', 'content-type: application/octet-stream'] : [];
  const rest = ['-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD', '-X', method, ...content, `${account.endpoint}/${key}`];
  const quiet = ['-s', '-o', '/dev/null', '--max-time', maxSeconds, '-w', '%{http_code}'];
  const line = ['curl', ...quiet, ...signed, ...rest];
  // no answer is one, too
  return await runCommand('sh', ['-c', '"$@" || true', 'sh', ...line], { input: body });
}

function byPassword(keystone: Keystone): object {
  const domain = { id: 'default' };
  const user = { name: 'demo', domain, password: keystone.password };
  return { identity: { methods: ['password'], password: { user } }, scope: { project: { name: 'demo', domain } } };
}

function byCredential({ credential: { id, secret } }: Keystone): object {
  return { identity: { methods: ['application_credential'], application_credential: { id, secret } } };
}

async function askToken(keystone: Keystone, auth: object): Promise<{ id: string; catalog: string }> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ auth });
  const answer = await fetch(`${keystone.authUrl}/auth/tokens`, { method: 'POST', headers, body });
  expect(answer.status).toBe(201);
  return { id: answer.headers.get('x-subject-token') ?? '', catalog: await answer.text() };
}
