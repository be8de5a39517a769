import type { FastifyRequest } from 'fastify';
import { type Caller, hasRole, type Role } from '../model/access.ts';
import { DarkroomError } from '../model/errors.ts';

interface Authorisable extends Pick<FastifyRequest, 'method' | 'is404'> {
  readonly routeOptions: Pick<FastifyRequest['routeOptions'], 'url' | 'config'>;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** FORBIDDEN unless the caller's role is enough for the route. Whose the things are that it names is for the core to judge. */
export function authorise(request: Authorisable, caller: Caller): void {
  const needed = roleFor(request);
  if (needed === null || hasRole(caller, needed)) return;
  throw new DarkroomError(
    'FORBIDDEN',
    `${caller.name} has the role ${caller.role}; ${request.method} ${request.routeOptions.url ?? ''} needs the role ${needed}.`,
    { fields: { principal: caller.name, role: caller.role, needed } },
  );
}

/** null: none. Where there is nothing, that is what everybody known is told. */
function roleFor({ method, routeOptions, is404 }: Authorisable): Role | null {
  const { needs } = routeOptions.config;
  if (needs === 'anybody') return null;
  return needs ?? (is404 || isReading(method) ? 'reader' : 'operator');
}

export function isReading(method: string): boolean {
  return READING.has(method);
}
