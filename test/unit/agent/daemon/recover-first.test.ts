import { expect, it } from 'vitest';
import { LibvirtCheck } from '../../../../src/agent/daemon/libvirt-check.ts';
import { recoverFirst } from '../../../../src/agent/daemon/recover-first.ts';
import { DarkroomError } from '../../../../src/model/errors.ts';
import { createFakeServiceManager } from '../../../support/fake-service-manager.ts';
import { createRememberingLogger } from '../../../support/remembering-logger.ts';

function start(host: { readonly recover: () => Promise<void>; readonly ping: () => Promise<void> }) {
  const service = createFakeServiceManager();
  const log = createRememberingLogger();
  const libvirt = new LibvirtCheck(host);
  return {
    service,
    log,
    recovered: recoverFirst({ application: host, libvirt, service, log }, { libvirtLimitMs: 30, patienceMs: 300 }),
  };
}

const answers = async () => {};
const hangs = () => new Promise<void>(() => {});

it('waits for the recovery when libvirt answers', async () => {
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 100));
  const { recovered, service, log } = start({ recover: slow, ping: answers });
  const started = performance.now();
  await recovered;
  expect(performance.now() - started).toBeGreaterThan(90);
  expect(service.told).toContain('more time');
  expect(log.lines).toEqual([]);
});

it('starts all the same when libvirt is not there', async () => {
  const fail = async () => {
    throw new DarkroomError('LIBVIRT_UNREACHABLE', 'no libvirtd');
  };
  const { recovered, log } = start({ recover: fail, ping: fail });
  await recovered;
  expect(log.lines).toMatchObject([{ level: 'error', fields: { error: expect.stringContaining('no libvirtd') } }]);
});

it('starts all the same when libvirt hangs and the recovery with it', async () => {
  const { recovered, log } = start({ recover: hangs, ping: hangs });
  await recovered;
  expect(log.lines).toMatchObject([{ fields: { error: 'libvirt does not answer within 30 ms' } }]);
});

it('serves while a recovery goes on that takes long', async () => {
  const { recovered, log } = start({ recover: hangs, ping: answers });
  await recovered;
  expect(log.lines).toMatchObject([{ fields: { error: 'it takes longer than 0.3 s and goes on' } }]);
});
