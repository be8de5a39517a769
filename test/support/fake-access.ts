import { DarkroomError } from '../../src/model/errors.ts';
import type { AuditEvent, AuditTrail } from '../../src/model/ports/audit.ts';
import type { Principal, Principals } from '../../src/model/ports/principals.ts';

/** Principals in memory. */
export function createFakePrincipals(): Principals {
  const known = new Map<string, { readonly principal: Principal; readonly tokenHash: string | null }>();
  const require = (name: string): Principal => {
    const entry = known.get(name);
    if (entry === undefined) throw new DarkroomError('PRINCIPAL_NOT_FOUND', `There is no principal ${name}`);
    return entry.principal;
  };
  return {
    list: async () => [...known.values()].map(({ principal }) => principal).sort((a, b) => (a.name < b.name ? -1 : 1)),
    find: async (name) => known.get(name)?.principal ?? null,
    findByTokenHash: async (hash) => [...known.values()].find(({ tokenHash }) => tokenHash === hash)?.principal ?? null,
    add: async (principal, tokenHash) => {
      if (known.has(principal.name)) throw new DarkroomError('NAME_TAKEN', `There is a principal ${principal.name}`);
      known.set(principal.name, { principal: { ...principal, hasToken: tokenHash !== null }, tokenHash });
    },
    setTokenHash: async (name, tokenHash) => {
      known.set(name, { principal: { ...require(name), hasToken: true }, tokenHash });
    },
    remove: async (name) => {
      require(name);
      known.delete(name);
    },
  };
}

/** An audit trail in memory. */
export function createFakeAuditTrail(): AuditTrail {
  const events: AuditEvent[] = [];
  return {
    append: async (event) => void events.unshift(event),
    list: async ({ limit, principal }) =>
      events.filter((event) => principal === undefined || event.principal === principal).slice(0, limit),
  };
}
