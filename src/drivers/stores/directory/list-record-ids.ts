import { isUuid } from '../documents/layout.ts';
import { listNames } from '../files/list-names.ts';

const SUFFIX = '.json';

/** The ids that documents in a folder are named by, in order; none where it is missing. Other failures are Node's errors. */
export async function listRecordIds(folder: string): Promise<readonly string[]> {
  const names = (await listNames(folder)).filter((name) => name.endsWith(SUFFIX));
  return names
    .map((name) => name.slice(0, -SUFFIX.length))
    .filter(isUuid)
    .sort();
}
