import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/config/load-settings.ts';
import type { SettingFlags } from '../../../src/config/setting-sources.ts';
import { DarkroomError } from '../../../src/model/errors.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-cfg-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'darkroom.yaml');

function load(yaml = '', others: { env?: NodeJS.ProcessEnv; flags?: SettingFlags } = {}) {
  writeFileSync(file, yaml);
  return loadSettings({ file, env: others.env ?? {}, flags: others.flags ?? {} });
}

function complaintOf(yaml: string, others: { env?: NodeJS.ProcessEnv; flags?: SettingFlags } = {}): string {
  try {
    load(yaml, others);
  } catch (error) {
    if (error instanceof DarkroomError && error.code === 'INVALID_REQUEST') return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const STORES = `stores:
  nfs: { url: /mnt/images/ }
  ceph: { url: s3://images/darkroom/, endpoint: "https://rgw.example:7480/" }
  amazon: { url: s3://company-images, region: eu-central-1, part_size: 64MiB, retry_for: 5 }
`;

const placesOf = ({ store, stores }: ReturnType<typeof load>) => [store, stores.map(({ name }) => name).join(' ')];

describe('the example file', () => {
  it('shows stores and image services as they can be', () => {
    const text = readFileSync(new URL('../../../scripts/darkroom.example.yaml', import.meta.url), 'utf8');
    const { stores, imageServices } = load(
      text.replace('hosts: {}', 'hosts:').replaceAll(/^# {3}(?= *[a-z_0-9]+: ?)/gm, '   '),
    );
    expect(stores.map(({ name }) => name)).toEqual(['default', 'nfs', 'ceph', 'amazon']);
    expect(stores[3]?.s3).toMatchObject({ serverSideEncryption: 'aws:kms', kmsKeyId: 'alias/images' });
    expect(imageServices.map(({ name, auth }) => `${name} ${auth.kind}`)).toEqual([
      'lab none',
      'cloud password',
      'other application_credential',
    ]);
  });
});

describe('the setting store', () => {
  it.each([
    ['ceph', 's3://images/darkroom', 'ceph nfs amazon'],
    ['nfs', '/mnt/images', 'nfs ceph amazon'],
    ['/mnt/images', '/mnt/images', 'nfs ceph amazon'],
    ['s3://images/darkroom', 's3://images/darkroom', 'ceph nfs amazon'],
    ['s3://others', 's3://others', 'default nfs ceph amazon'],
    ['/srv/images/', '/srv/images', 'default nfs ceph amazon'],
    ['./ceph', path.resolve('ceph'), 'default nfs ceph amazon'],
    ['new/one', path.resolve('new/one'), 'default nfs ceph amazon'],
  ])('takes %s of the command line for %s', (store, location, names) => {
    expect(placesOf(load(STORES, { flags: { store } }))).toEqual([location, names]);
    expect(placesOf(load(STORES, { env: { DARKROOM_STORE: store } }))).toEqual([location, names]);
  });

  it('names a store in the file', () => {
    expect(placesOf(load(`store: ceph\n${STORES}`))).toEqual(['s3://images/darkroom', 'ceph nfs amazon']);
  });

  it('is the folder of state where nobody sets it, named stores or not', () => {
    expect(placesOf(load(STORES))).toEqual(['/var/lib/darkroom/store', 'default nfs ceph amazon']);
  });

  it('takes a word for a folder here where no store has a name, or where that folder is', () => {
    expect(load('', { flags: { store: 'images' } }).store).toBe(path.resolve('images'));
    expect(load(STORES, { flags: { store: 'src' } }).store).toBe(path.resolve('src'));
  });

  it('prefers a name to a folder here', () => {
    expect(load('stores: { src: { url: /mnt/images } }', { flags: { store: 'src' } }).store).toBe('/mnt/images');
  });

  it.each([
    [STORES, 'cehp', '--store: must be the name of a store (nfs, ceph, amazon), s3://bucket/prefix, or a folder'],
    [STORES, 'default', '--store: must be the name of a store (nfs, ceph, amazon)'],
    ['', 's3://images//x', '--store: must not have an empty part in its prefix; seen: "s3://images//x"'],
  ])('refuses of the command line, with %j, %s', (yaml, store, complaint) => {
    expect(complaintOf(yaml, { flags: { store } })).toContain(complaint);
  });

  it('refuses a word of the file that is no name, whatever folders are here', () => {
    expect(complaintOf(`store: src\n${STORES}`)).toContain(
      `${file}: store: must be an absolute path, s3://bucket/prefix or the name of a store (nfs, ceph, amazon)`,
    );
    expect(complaintOf('store: ./images')).toContain('must be an absolute path');
  });
});

describe('how a store is reached', () => {
  const serverOf = (settings: ReturnType<typeof load>, wanted: string) =>
    settings.stores.find(({ name }) => name === wanted)?.s3;

  it('says each store for itself, the section s3 for all of them, and the default for the rest', () => {
    const yaml = `${STORES}s3: { endpoint: "http://10.0.0.1:9000", profile: images, concurrency: 3 }\n`;
    const settings = load(yaml);
    expect(serverOf(settings, 'nfs')).toBeNull();
    expect(serverOf(settings, 'ceph')).toEqual({
      endpoint: 'https://rgw.example:7480',
      region: 'us-east-1',
      isPathStyle: true,
      credentialsFile: null,
      profile: 'images',
      serverSideEncryption: null,
      kmsKeyId: null,
      partBytes: 16_777_216,
      concurrency: 3,
      retryForMs: 120_000,
    });
    expect(serverOf(settings, 'amazon')).toMatchObject({
      endpoint: 'http://10.0.0.1:9000',
      region: 'eu-central-1',
      partBytes: 67_108_864,
      retryForMs: 5000,
    });
    expect(settings.s3).toMatchObject({ endpoint: 'http://10.0.0.1:9000', region: 'us-east-1', concurrency: 3 });
  });

  it('says the section s3 alone for a store without a name', () => {
    const settings = load('s3: { credentials_file: /k }', { flags: { store: 's3://images' } });
    expect(settings.stores).toEqual([{ name: 'default', location: 's3://images', s3: settings.s3 }]);
    expect(settings.s3.credentialsFile).toBe('/k');
  });

  it('puts buckets in the path where there is an endpoint, unless told otherwise', () => {
    expect(load().s3.isPathStyle).toBe(false);
    expect(load('s3: { endpoint: "http://a" }').s3.isPathStyle).toBe(true);
    expect(load('s3: { endpoint: "http://a", path_style: false }').s3.isPathStyle).toBe(false);
    expect(load('', { env: { DARKROOM_S3_PATH_STYLE: 'true' } }).s3.isPathStyle).toBe(true);
  });

  it.each([
    [{ AWS_DEFAULT_REGION: 'a-1' }, { region: 'a-1' }],
    [{ AWS_DEFAULT_REGION: 'a-1', AWS_REGION: 'b-1' }, { region: 'b-1' }],
    [{ AWS_ENDPOINT_URL: 'http://a' }, { endpoint: 'http://a', isPathStyle: true }],
    [{ AWS_ENDPOINT_URL: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b' }, { endpoint: 'http://b' }],
    [{ AWS_ENDPOINT_URL_S3: 'http://b', DARKROOM_S3_ENDPOINT: 'http://c' }, { endpoint: 'http://c' }],
    [{ DARKROOM_S3_CREDENTIALS_FILE: 'k' }, { credentialsFile: path.resolve('k') }],
    [
      { DARKROOM_S3_SSE: 'aws:kms', DARKROOM_S3_KMS_KEY_ID: 'k' },
      { serverSideEncryption: 'aws:kms', kmsKeyId: 'k' },
    ],
    [
      { DARKROOM_S3_PART_SIZE: '5GiB', DARKROOM_S3_CONCURRENCY: '64' },
      { partBytes: 5 * 1024 ** 3, concurrency: 64 },
    ],
    [{ DARKROOM_S3_RETRY_FOR: '0' }, { retryForMs: 0 }],
  ])('follows the environment %j', (env, expected) => {
    expect(load('', { env }).s3).toMatchObject(expected);
  });

  it('prefers the file to what other tools go by', () => {
    const settings = load('s3: { region: mine }', { env: { AWS_REGION: 'theirs' } });
    expect(settings.s3.region).toBe('mine');
  });

  it('takes the key of KMS from the section s3 only for a store that uses KMS', () => {
    const settings = load(`s3: { sse: aws:kms, kms_key_id: k }
stores: { a: { url: s3://aaa }, b: { url: s3://bbb, sse: AES256 } }`);
    expect(serverOf(settings, 'a')).toMatchObject({ serverSideEncryption: 'aws:kms', kmsKeyId: 'k' });
    expect(serverOf(settings, 'b')).toMatchObject({ serverSideEncryption: 'AES256', kmsKeyId: null });
  });
});

describe('the section stores', () => {
  it.each([
    ['stores: [a]', 'stores: must hold stores as'],
    ['stores: { a: s3://images }', 'stores.a: must hold url'],
    ['stores: { default: { url: /a } }', "stores.default: must not be 'default'"],
    ['stores: { "glance:a": { url: /a } }', 'stores.glance:a: must be 1 to 64 of the characters'],
    ['stores: { ./a: { url: /a } }', 'stores../a: must be 1 to 64 of the characters'],
    ['stores: { a: { endpoint: "http://a" } }', 'stores.a.url: must be s3://bucket/prefix or the absolute path'],
    ['stores: { a: { url: images } }', 'stores.a.url: must be s3://bucket/prefix or the absolute path'],
    ['stores: { a: { url: s3://Images } }', 'stores.a.url: must be s3://bucket/prefix with a bucket of 3 to 63'],
    ['stores: { a: { url: s3://10.0.0.1/x } }', 'with a bucket of 3 to 63'],
    ['stores: { a: { url: s3://a..b } }', 'with a bucket of 3 to 63'],
    ['stores: { a: { url: s3:// } }', 'with a bucket of 3 to 63'],
    ['stores: { a: { url: s3://images/../x } }', 'must not have . or .. in its prefix'],
    ['stores: { a: { url: s3://images/a//b } }', 'must not have an empty part'],
    ['stores: { a: { url: "s3://images/a b" } }', 'must have a prefix of the characters'],
    [`stores: { a: { url: s3://images/${'x'.repeat(181)} } }`, 'must have a prefix of at most 180'],
    ['stores: { a: { url: s3://images, regoin: x } }', 'stores.a.regoin: is not known; did you mean region?'],
    ['stores: { a: { url: s3://images, endpoint: rgw } }', 'stores.a.endpoint: must be a URL such as'],
    ['stores: { a: { url: s3://images, part_size: 1MiB } }', 'stores.a.part_size: must be 5MiB to 5GiB'],
    ['stores: { a: { url: s3://images, sse: yes } }', 'stores.a.sse: must be one of AES256, aws:kms'],
    ['stores: { a: { url: s3://images, kms_key_id: k } }', 'stores.a.kms_key_id: needs sse: aws:kms'],
    ['stores: { a: { url: s3://images, credentials_file: k } }', 'stores.a.credentials_file: must be an absolute path'],
    ['stores: { a: { url: /images, region: x } }', 'stores.a.region: is for stores with an s3:// url alone'],
    ['s3: { kms_key_id: k }', 's3.kms_key_id: needs sse: aws:kms'],
    ['s3: { concurrency: 65 }', 's3.concurrency: must be 1 to 64'],
    ['s3: { path_style: maybe }', 's3.path_style: must be true or false'],
    ['s3: { secret_key: x }', 'unknown setting s3.secret_key'],
  ])('refuses %s, naming the key', (yaml, complaint) => {
    expect(complaintOf(yaml)).toContain(complaint);
  });

  it('does not repeat a password that somebody put into a URL', () => {
    expect(complaintOf('s3: { endpoint: "http://me:secret@a" }')).not.toContain('secret');
    expect(complaintOf('stores: { a: { url: s3://images, endpoint: "http://me:secret@a" } }')).not.toContain('secret');
  });

  it('may be absent, empty, or all that there is', () => {
    for (const yaml of ['', 'stores:\n', 'stores: {}\n']) expect(load(yaml).stores).toHaveLength(1);
  });
});

describe('the section glance', () => {
  const servicesOf = (yaml: string) => load(`glance:\n  cloud: { ${yaml} }\n`).imageServices;

  it('needs no more than an endpoint', () => {
    expect(servicesOf('endpoint: "http://glance:9292/"')).toEqual([
      {
        name: 'cloud',
        endpoint: 'http://glance:9292',
        region: null,
        interface: 'public',
        auth: { kind: 'none' },
        ca: null,
      },
    ]);
  });

  it('knows users with passwords, in the domain that every Keystone has', () => {
    const yaml = 'auth: password, auth_url: "https://k:5000/v3", username: u, password_file: /p, project: j';
    const expected = { authUrl: 'https://k:5000/v3', username: 'u', passwordFile: '/p', project: 'j' };
    expect(servicesOf(yaml)).toMatchObject([
      { endpoint: null, auth: { kind: 'password', ...expected, userDomain: 'Default', projectDomain: 'Default' } },
    ]);
    expect(servicesOf(`${yaml}, user_domain: d, region: r, interface: internal, ca: /c`)).toMatchObject([
      { region: 'r', interface: 'internal', ca: '/c', auth: { userDomain: 'd', projectDomain: 'd' } },
    ]);
    expect(servicesOf(`${yaml}, user_domain: d, project_domain: e`)).toMatchObject([{ auth: { projectDomain: 'e' } }]);
  });

  it('knows application credentials', () => {
    const yaml =
      'auth: application_credential, auth_url: "https://k", application_credential_id: i, application_credential_secret_file: /s';
    expect(servicesOf(yaml)).toMatchObject([
      { auth: { kind: 'application_credential', authUrl: 'https://k', id: 'i', secretFile: '/s' } },
    ]);
  });

  it.each([
    ['glance: { a: {} }', 'glance.a.endpoint: is needed with auth: none'],
    ['glance: { a: { region: r } }', 'glance.a.endpoint: is needed with auth: none'],
    ['glance: { a: "http://a" }', 'glance.a: must hold endpoint, or auth'],
    ['glance: { a/b: { endpoint: "http://a" } }', 'glance.a/b: must be 1 to 64 of the characters'],
    ['glance: { a: { endpoint: "http://a", username: u } }', 'glance.a.auth: is needed beside username'],
    ['glance: { a: { auth: token } }', 'glance.a.auth: must be one of none, password, application_credential'],
    ['glance: { a: { auth: password } }', 'glance.a.auth_url: is needed with auth: password'],
    [
      'glance: { a: { auth: password, auth_url: "http://k", username: u, project: j } }',
      'glance.a.password_file: is needed with auth: password',
    ],
    ['glance: { a: { auth: password, password: x } }', 'glance.a.password: is not known; known are endpoint'],
    [
      'glance: { a: { auth: application_credential, auth_url: "http://k", application_credential_id: i } }',
      'glance.a.application_credential_secret_file: is needed',
    ],
    ['glance: { a: { auth: none, endpoint: "http://a", project: p } }', 'glance.a.project: is not for auth: none'],
    ['glance: { a: { endpoint: "http://me:secret@a" } }', 'glance.a.endpoint: must be a URL such as'],
    ['glance: { a: { endpoint: "http://a", interface: other } }', 'glance.a.interface: must be one of'],
    ['glance: { a: { endpoint: "http://a", ca: c } }', 'glance.a.ca: must be an absolute path'],
  ])('refuses %s, naming the key', (yaml, complaint) => {
    expect(complaintOf(yaml)).toContain(complaint);
  });
});
