import { randomBytes } from 'node:crypto';
import { z } from 'zod';

/** Claims have a few hundred bytes; a longer one was not written by us. */
export const MAX_CLAIM_BYTES = 64 * 1024;

const text = z.string().min(1).max(1024);
const claimDocument = z.looseObject({ host: text, operationId: text, kind: text, since: text });

/** What is claimed, as the claim itself names it: by its id. */
export type ClaimSubject = Readonly<Record<string, string>>;

export type InstanceSubject = { readonly instanceId: string };
export type VolumeSubject = { readonly volume: string };

export interface ClaimFacts {
  readonly host: string;
  readonly operationId: string;
  readonly kind: string;
  readonly since: string;
}

export type Claim<Subject extends ClaimSubject> = Subject & ClaimFacts;

/** What is no claim of that subject is held by `unknown`. */
export function parseClaim<Subject extends ClaimSubject>(content: string, subject: Subject): Claim<Subject> {
  try {
    const document = claimDocument.parse(JSON.parse(content));
    const { host, operationId, kind, since } = document;
    const isOfSubject = Object.entries(subject).every(([name, id]) => document[name] === id);
    if (isOfSubject) return { ...subject, host, operationId, kind, since };
  } catch {
    // Somebody holds it, whoever that is.
  }
  return unknownClaim(subject);
}

/** The document to store. A random word makes it differ from every other one, also from one of the same operation. */
export function serialiseClaim<Subject extends ClaimSubject>(claim: Claim<Subject>): string {
  return `${JSON.stringify({ version: 1, ...claim, nonce: makeNonce() }, null, 2)}\n`;
}

export function makeNonce(): string {
  return randomBytes(16).toString('hex');
}

export function unknownClaim<Subject extends ClaimSubject>(subject: Subject): Claim<Subject> {
  return { ...subject, host: 'unknown', operationId: 'unknown', kind: 'unknown', since: 'unknown' };
}

export function isSameHolder(left: ClaimFacts, right: ClaimFacts): boolean {
  return left.host === right.host && left.operationId === right.operationId;
}
