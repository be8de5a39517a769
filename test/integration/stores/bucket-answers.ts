import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { Answerer, SeenRequest } from '../../support/s3-stand-in.ts';

export const MIB = 1024 * 1024;

/** The answer to a document that was written. */
export const OK = { status: 200, headers: { etag: '"e"' } };

/** Keys where a client looks for them first. Returns what takes them away again. */
export function setCredentials(): () => unknown {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKTEST');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'sekret-value');
  return () => vi.unstubAllEnvs();
}

/** A file of the test, which goes with it. */
export async function makeFile(content: Buffer | string, mode = 0o600): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'dr-bkt-answers-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'content');
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

/** What a bucket says about a multipart upload that goes well. */
export const uploading: Answerer = ({ line, body }) => {
  if (/^GET .*[?&]uploads/.test(line)) return { status: 200, body: '<ListMultipartUploadsResult/>' };
  if (/^POST .*[?&]uploads/.test(line)) {
    return {
      status: 200,
      body: '<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>',
    };
  }
  if (line.startsWith('PUT')) return { status: 200, headers: { etag: `"${md5(body)}"` } };
  if (line.startsWith('POST')) return { status: 200, body: '<CompleteMultipartUploadResult/>' };
  return { status: 404 };
};

export const md5 = (body: Buffer): string => createHash('md5').update(body).digest('hex');
export const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
export const isComplete = ({ line }: SeenRequest): boolean => /^POST .*uploadId=/.test(line);
