import path from 'node:path';
import { expect } from 'vitest';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import type { LaunchInstanceRequest } from '../../../src/model/requests.ts';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import { runToEnd } from '../../support/image-core.ts';
import { type LaunchHost, launchRequest } from '../../support/launch-host.ts';

export const KEY = 'ssh-ed25519 AAAA me@home';

/** Of a launch that makes every file there is. */
export const ALL_PARTS = launchRequest({ sshKeys: [KEY] });

/** A launch that succeeds, and what came of it. */
export async function launch(host: LaunchHost, request: LaunchInstanceRequest = launchRequest()) {
  const operation = await runToEnd(host.core, launchInstance, request);
  expect(operation.error).toBeNull();
  const instanceId = operation.result.instanceId ?? '';
  const folder = path.join(host.instancesDir, instanceId);
  const domain = host.fakeHypervisor.domains.get(instanceId);
  if (domain?.inactiveXml == null) throw new Error('the domain is not there');
  return {
    operation,
    instanceId,
    folder,
    domain,
    xml: domain.inactiveXml,
    description: describeDomain(domain.inactiveXml),
  };
}
