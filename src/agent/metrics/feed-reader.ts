import type { JournalledOperation } from '../../model/operation.ts';
import type { Application } from '../../operations/application.ts';

const PAGE = 200;

export interface FeedReader {
  /** Reads what has changed since the last time; calls at the same time are one. */
  catchUp(): Promise<void>;
}

/** Gives each change of an operation to `see` once, from the first reading on: nothing that was before it. */
export function createFeedReader(
  feed: Application['feed'],
  { begin, see }: { readonly begin: () => Promise<void>; readonly see: (entry: JournalledOperation) => void },
): FeedReader {
  let revision: number | null = null;
  let reading: Promise<void> | null = null;

  const read = async (): Promise<void> => {
    if (revision === null) {
      const last = await feed.lastRevision();
      await begin();
      revision = last;
    }
    for (;;) {
      const changed = await feed.listChanged(revision, PAGE);
      for (const entry of changed) {
        see(entry);
        revision = entry.revision;
      }
      if (changed.length < PAGE) return;
    }
  };
  return {
    catchUp: () => {
      reading ??= read().finally(() => {
        reading = null;
      });
      return reading;
    },
  };
}
