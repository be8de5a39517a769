import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import type { Settings } from '../config/settings.ts';
import { DarkroomError } from '../model/errors.ts';
import type { Principal } from '../model/ports/principals.ts';
import type { Application, CallerApplication } from '../operations/application.ts';

type Identifiable = Pick<FastifyRequest, 'headers' | 'raw' | 'routeOptions'>;

/** RFC 6750, 2.1; longer than any token of ours. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]{1,512}=*)$/i;

/** What a route that is open to all acts as. */
export const ANONYMOUS = 'anonymous';

/**
 * On whose behalf a request is done. Over the unix socket without a token it is the host's own administrator; with a
 * bearer token, or a client certificate that `tls.client_ca` signed, it is the principal that has it. UNAUTHENTICATED says
 * not which part of it was wrong: whoever guesses learns nothing.
 */
export function createIdentify(
  application: Application,
  settings: Pick<Settings, 'tls'>,
): (request: Identifiable) => Promise<CallerApplication> {
  return async (request) => {
    if (request.routeOptions.config.needs === 'anybody') return actAs(application, { name: ANONYMOUS, role: 'reader' });
    const { authorization } = request.headers;
    const { socket } = request.raw;
    if (authorization !== undefined) return actAs(application, await findByToken(application, authorization));
    if (isLocal(socket)) return application;
    const name = settings.tls.clientCa === null ? null : readCertificateName(socket);
    return actAs(application, name === null ? null : await application.identifyName(name));
  };
}

function actAs(application: Application, principal: Pick<Principal, 'name' | 'role'> | null): CallerApplication {
  if (principal === null) throw unauthenticated();
  return application.as({ name: principal.name, role: principal.role, isTrustedWithPaths: false });
}

async function findByToken(application: Application, authorization: string): Promise<Principal | null> {
  const token = BEARER.exec(authorization)?.[1];
  return token === undefined ? null : await application.identifyToken(token);
}

/** A unix socket's peer has no address, and a request of this very process comes over no socket at all. */
export function isLocal(socket: unknown): boolean {
  if (socket instanceof TLSSocket) return false;
  return !(socket instanceof Socket) || socket.remoteAddress === undefined;
}

/** The one common name of a certificate that was verified against our authority; null for any other. */
function readCertificateName(socket: unknown): string | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const { subject } = socket.getPeerCertificate();
  // absent where there is no certificate, a list where it has several names
  const name: unknown = subject?.CN;
  return typeof name === 'string' ? name : null;
}

function unauthenticated(): DarkroomError {
  return new DarkroomError(
    'UNAUTHENTICATED',
    'Who asks is not known: send the bearer token of a principal of this host, or its client certificate.',
  );
}
