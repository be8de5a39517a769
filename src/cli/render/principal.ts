import type { AuditEvent } from '../../model/ports/audit.ts';
import type { Principal } from '../../model/ports/principals.ts';
import type { Output } from '../output.ts';
import { renderTable } from './table.ts';
import { formatTime, printable } from './text.ts';

export async function renderPrincipals(principals: readonly Principal[]): Promise<string> {
  if (principals.length === 0) return 'no principals';
  const rows = principals.map((principal) => [
    printable(principal.name),
    principal.role,
    describeAccess(principal),
    formatTime(principal.createdAt),
  ]);
  return await renderTable(['NAME', 'ROLE', 'KNOWN BY', 'CREATED'], rows);
}

export function summarizePrincipal(principal: Principal): string {
  return `principal ${printable(principal.name)}: ${principal.role}, known by ${describeAccess(principal)}`;
}

export async function renderAudit(output: Output, events: readonly AuditEvent[]): Promise<string> {
  if (events.length === 0) return 'no events';
  const rows = events.map((event) => [
    formatTime(event.at),
    printable(event.principal),
    printable(event.action),
    event.target === null ? '-' : printable(event.target),
    paintOutcome(output, event),
    event.operationId ?? '-',
  ]);
  return await renderTable(['AT', 'PRINCIPAL', 'ACTION', 'TARGET', 'OUTCOME', 'OPERATION'], rows);
}

function describeAccess({ hasToken }: Principal): string {
  return hasToken ? 'token or certificate' : 'certificate';
}

function paintOutcome(output: Output, { httpStatus, errorCode }: AuditEvent): string {
  if (errorCode === null) return output.paint('green', String(httpStatus));
  return output.paint('red', `${httpStatus} ${printable(errorCode)}`);
}
