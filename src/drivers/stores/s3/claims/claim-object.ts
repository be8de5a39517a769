import {
  type Claim,
  type ClaimSubject,
  MAX_CLAIM_BYTES,
  makeNonce,
  parseClaim,
  unknownClaim,
} from '../../documents/claim.ts';
import type { Bucket } from '../bucket.ts';
import { readDocument } from '../read-document.ts';

/** Where the claims of one subject are. */
export interface ClaimPlace<Subject extends ClaimSubject> {
  readonly bucket: Bucket;
  readonly key: string;
  readonly subject: Subject;
}

export interface ClaimObject<Subject extends ClaimSubject> {
  /** null: whoever had it gave it up, and the object says so, since no delete could be sure of whose claim it hits. */
  readonly claim: Claim<Subject> | null;
  readonly etag: string;
}

/** null where there was never a claim. What is neither a claim nor given up is held by `unknown`. STORE_UNUSABLE. */
export async function readClaimObject<Subject extends ClaimSubject>({
  bucket,
  key,
  subject,
}: ClaimPlace<Subject>): Promise<ClaimObject<Subject> | null> {
  const document = await readDocument(bucket, key, MAX_CLAIM_BYTES);
  if (document === null) return null;
  return { claim: parseContent(document.content, subject), etag: document.etag };
}

/** What takes the place of a claim that was given up. */
export function serialiseTombstone(): string {
  return `${JSON.stringify({ version: 1, released: true, nonce: makeNonce() }, null, 2)}\n`;
}

function parseContent<Subject extends ClaimSubject>(content: string | null, subject: Subject): Claim<Subject> | null {
  if (content === null) return unknownClaim(subject);
  return isTombstone(content) ? null : parseClaim(content, subject);
}

function isTombstone(content: string): boolean {
  try {
    const document: unknown = JSON.parse(content);
    return typeof document === 'object' && document !== null && 'released' in document && document.released === true;
  } catch {
    return false;
  }
}
