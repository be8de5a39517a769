import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tryCommand } from './support/run-command.ts';

const E2E = fileURLToPath(new URL('../../vagrant/e2e', import.meta.url));
const LIMIT_MS = 30 * 60_000;

const ENVIRONMENT = {
  // names of its own: whoever has machines of the Vagrantfile keeps them
  DARKROOM_VAGRANT_NAME: 'dr-vg-test',
  DARKROOM_VAGRANT_SUBNET: '192.168.155',
  // runs anywhere
  DARKROOM_DRIVER: process.env['DARKROOM_DRIVER'] ?? 'qemu',
};

it('builds the box, brings one node up and captures a guest there that runs under KVM', {
  timeout: LIMIT_MS,
}, async () => {
  const { exitCode, stdout, stderr } = await tryCommand(E2E, ['--short'], { env: ENVIRONMENT });
  expect(`${stdout}${stderr}`).toMatch(/^e2e: [1-9]\d* checks passed, 0 failed, in [\d.]+ s$/m);
  expect(exitCode).toBe(0);
});
