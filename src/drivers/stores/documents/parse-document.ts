import type { z } from 'zod';
import { DarkroomError } from '../../../model/errors.ts';

export interface DocumentFacts {
  /** As in "its record is wrong". */
  readonly name: 'manifest' | 'record';
  /** What is thrown for it, with the reason. */
  damaged(reason: string): DarkroomError;
}

/** What a document of a store holds; its own error when that is not JSON, or not as the schema has it. */
export function parseDocument<Content>(content: string, schema: z.ZodType<Content>, facts: DocumentFacts): Content {
  const parsed = schema.safeParse(parseJson(content, facts));
  if (!parsed.success) throw facts.damaged(`its ${facts.name} is wrong: ${describeIssue(parsed.error.issues[0])}`);
  return parsed.data;
}

/** INTERNAL for a document that we would refuse to read back. */
export function requireReadable(what: string, readBack: () => unknown): void {
  try {
    readBack();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DarkroomError('INTERNAL', `Will not write ${what}: ${reason}`, { cause: error });
  }
}

function parseJson(content: string, { name, damaged }: DocumentFacts): unknown {
  try {
    return JSON.parse(content);
  } catch {
    const seen = content.length === 0 ? 'it is empty' : `it has ${content.length} characters that are not JSON`;
    throw damaged(`its ${name} cannot be read: ${seen}`);
  }
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'unknown';
  return `${issue.path.map(String).join('.') || 'the document'}: ${issue.message}`;
}
