import { describe, expect, it } from 'vitest';
import { reloadSettings } from '../../../../src/agent/daemon/reload-settings.ts';
import { loadSettings } from '../../../../src/config/load-settings.ts';
import type { Settings } from '../../../../src/config/settings.ts';
import { createFakeServiceManager } from '../../../support/fake-service-manager.ts';
import { createRememberingLogger } from '../../../support/remembering-logger.ts';

function daemon(environment: Record<string, string> = {}) {
  const load = (env: Record<string, string>) => loadSettings({ env: { ...environment, ...env }, flags: {} });
  const settings: Settings = { ...load({}) };
  const service = createFakeServiceManager();
  const log = createRememberingLogger();
  const applied: unknown[] = [];
  const renewals: unknown[] = [];
  const isEncrypted = settings.listen !== null;
  const reload = (env: Record<string, string>) =>
    reloadSettings({
      settings,
      loadSettings: () => load(env),
      application: { applySettings: (changed) => void applied.push(changed) },
      listeners: { isEncrypted, renew: (certificates) => void renewals.push(certificates) },
      service,
      log,
      describe: () => 'Ready',
    });
  return { settings, service, log, applied, renewals, reload };
}

describe('a reload', () => {
  it('takes over what may change, and everybody who looks at the settings sees it', async () => {
    const { settings, service, log, applied, reload } = daemon();
    await reload({ DARKROOM_MAX_IMAGES: '7', DARKROOM_LOG_LEVEL: 'debug', DARKROOM_STOP_TIMEOUT: '5' });
    expect(settings).toMatchObject({ quota: { maxImages: 7 }, stopTimeoutMs: 5000 });
    expect(applied).toMatchObject([{ quota: { maxImages: 7 } }]);
    expect(log.level).toBe('debug');
    expect(log.lines).toEqual([
      { level: 'info', fields: { changed: ['stopTimeoutMs', 'quota', 'logLevel'] }, message: 'settings reloaded' },
    ]);
    expect(service.told).toEqual(['reloading', 'ready: Ready']);
  });

  it('names what only a restart changes, by its name in the file, and leaves it', async () => {
    const { settings, log, applied, reload } = daemon();
    const before = { ...settings };
    await reload({
      DARKROOM_STATE_DIR: '/elsewhere',
      DARKROOM_CONNECT: 'test:///default',
      DARKROOM_SOCKET: '/elsewhere.sock',
      DARKROOM_SOCKET_GROUP: 'others',
      DARKROOM_LISTEN: '0.0.0.0:8443',
      DARKROOM_IMAGE_GROUP: 'others',
      DARKROOM_HOST_NAME: 'other',
      DARKROOM_S3_REGION: 'elsewhere-1',
      DARKROOM_CACHE_SIZE: '1GiB',
      DARKROOM_COPY_NICE: '3',
    });
    expect(settings).toEqual({ ...before, copyNice: 3 });
    expect(applied).toEqual([{ ...before, copyNice: 3 }]);
    expect(log.lines.find(({ level }) => level === 'warn')?.fields).toEqual({
      settings: expect.arrayContaining([
        ...['connect', 'state_dir', 'store', 'socket', 'socket_group', 'listen'],
        ...['instances_dir', 'overlay_dir', 'image_group', 'host_name'],
        ...['s3', 'cache_dir', 'cache_size'],
      ]),
    });
  });

  it('keeps all of the old settings when one is broken, and says which', async () => {
    const { settings, service, log, applied, reload } = daemon();
    const before = { ...settings };
    await reload({ DARKROOM_COPY_NICE: '20', DARKROOM_MAX_IMAGES: '7' });
    expect(settings).toEqual(before);
    expect(applied).toEqual([]);
    expect(log.lines).toMatchObject([
      { level: 'error', fields: { error: expect.stringContaining('DARKROOM_COPY_NICE') } },
    ]);
    expect(service.told[1]).toMatch(/^ready: Ready \(settings not reloaded: DARKROOM_COPY_NICE/);
  });

  it('keeps the old settings when a certificate cannot be read', async () => {
    const { settings, log, renewals, reload } = daemon({
      DARKROOM_LISTEN: '127.0.0.1:8443',
      DARKROOM_TLS_CERTIFICATE: '/nowhere/cert.pem',
    });
    await reload({ DARKROOM_MAX_IMAGES: '7' });
    expect(settings.quota.maxImages).toBeNull();
    expect(renewals).toEqual([]);
    expect(log.lines[0]?.fields['error']).toContain('/nowhere/cert.pem');
  });
});
