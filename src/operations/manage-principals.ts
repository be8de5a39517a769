import { randomBytes } from 'node:crypto';
import { DarkroomError } from '../model/errors.ts';
import type { Principal } from '../model/ports/principals.ts';
import type { CreatePrincipalRequest } from '../model/requests.ts';
import type { Core } from './support/context.ts';
import { hashToken } from './support/identify.ts';

const TOKEN_BYTES = 32;
/** So that whoever finds one knows what it opens, and scanners of secrets do too. */
const TOKEN_PREFIX = 'drk_';

interface PrincipalWithToken {
  readonly principal: Principal;
  readonly token: string | null;
}

export async function listPrincipals(core: Core): Promise<readonly Principal[]> {
  requireAdmin(core);
  return await core.principals.list();
}

export async function createPrincipal(core: Core, request: CreatePrincipalRequest): Promise<PrincipalWithToken> {
  requireAdmin(core);
  requireOrdinaryName(core, request.name);
  const token = request.hasToken ? drawToken() : null;
  const { name, role, hasToken } = request;
  const principal: Principal = { name, role, hasToken, createdAt: core.clock.now().toISOString() };
  await core.principals.add(principal, token === null ? null : hashToken(token));
  return { principal, token };
}

export async function renewToken(core: Core, name: string): Promise<PrincipalWithToken> {
  requireAdmin(core);
  const token = drawToken();
  await core.principals.setTokenHash(name, hashToken(token));
  const principal = await core.principals.find(name);
  if (principal === null) throw new DarkroomError('PRINCIPAL_NOT_FOUND', `The principal ${name} was just deleted.`);
  return { principal, token };
}

export async function deletePrincipal(core: Core, name: string): Promise<void> {
  requireAdmin(core);
  await core.principals.remove(name);
  await pauseSchedulesOf(core, name);
}

/** Nothing goes on in the name of somebody who is gone. An admin may look at what that was, and resume or delete it. */
async function pauseSchedulesOf(core: Core, name: string): Promise<void> {
  for (const { id, owner, isPaused } of await core.schedules.list()) {
    if (owner !== name || isPaused) continue;
    await core.schedules.setPaused(id, true);
    core.log.warn({ scheduleId: id, principal: name }, 'a schedule is paused, since its owner was deleted');
  }
}

/** Whoever bore the name of the host's administrator would own what that has made; nobody in particular owns nothing. */
const RESERVED_NAMES: readonly string[] = ['root', 'anonymous'];

function requireOrdinaryName({ caller }: Core, name: string): void {
  if (name !== caller.name && !RESERVED_NAMES.includes(name)) return;
  throw new DarkroomError('NAME_TAKEN', `No principal can be called ${name}: choose another name.`, {
    fields: { name },
  });
}

function drawToken(): string {
  return `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

function requireAdmin({ caller }: Core): void {
  if (caller.role === 'admin') return;
  throw new DarkroomError('FORBIDDEN', `${caller.name} has the role ${caller.role}: principals are for admins alone.`, {
    fields: { principal: caller.name, role: caller.role },
  });
}
