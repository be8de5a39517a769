import type { SeedContent } from './ports/host.ts';

export interface SeedRequest {
  /** UUID of the instance; a new one makes cloud-init set the guest up anew. */
  readonly instanceId: string;
  readonly instanceName: string;
  readonly sshKeys: readonly string[];
  /** Passed through as it is; null: nothing to say. */
  readonly userData: string | null;
}

const EMPTY_USER_DATA = '#cloud-config\n{}\n';

/**
 * Content of a NoCloud seed disk (https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html). Keys
 * go into the meta-data, so that user data stays exactly what the caller gave, in whatever format.
 */
export function buildSeed(request: SeedRequest): SeedContent {
  const metaData = {
    'instance-id': request.instanceId,
    'local-hostname': hostNameOf(request.instanceName, request.instanceId),
    'public-keys': request.sshKeys.map((key) => key.trim()),
  };
  // JSON is YAML, and leaves no doubt about quoting
  return { metaData: `${JSON.stringify(metaData, null, 2)}\n`, userData: request.userData ?? EMPTY_USER_DATA };
}

/** Linux: HOST_NAME_MAX (gethostname(2)); of one label: RFC 1123 section 2.1. */
const MAX_HOST_NAME = 64;
const MAX_LABEL = 63;

/** A host name as near to the instance's name as RFC 1123 lets it be; dots stay, so that a full domain name does. */
export function hostNameOf(instanceName: string, instanceId: string): string {
  const ascii = instanceName.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const labels = ascii.split('.').map(toLabel).filter(Boolean);
  const full = labels.join('.');
  if (full.length > 0 && full.length <= MAX_HOST_NAME) return full;
  return labels[0] ?? `instance-${instanceId.slice(0, 8)}`;
}

function toLabel(text: string): string {
  const letters = text.replace(/[^a-z0-9-]+/g, '-').slice(0, MAX_LABEL);
  return letters.replace(/^-+|-+$/g, '');
}
