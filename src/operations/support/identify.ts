import { createHash } from 'node:crypto';
import type { Principal } from '../../model/ports/principals.ts';
import type { Core } from './context.ts';

/** 256 random bits need no salt and no slow hash: there is nothing to guess. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export async function identifyToken(core: Core, token: string): Promise<Principal | null> {
  return await core.principals.findByTokenHash(hashToken(token));
}

export async function identifyName(core: Core, name: string): Promise<Principal | null> {
  return await core.principals.find(name);
}
