import type { DiskFormat } from '../image.ts';
import type { ServiceImage } from '../ports/image-service.ts';

export type PullVerdict =
  | { readonly isTaken: true; readonly format: DiskFormat; readonly sizeBytes: number }
  | { readonly isTaken: false; readonly reason: string };

/** Whether an image of an image service can become one of ours, by what is said of it; its data is judged besides. */
export function judgePull(image: ServiceImage): PullVerdict {
  const { status, diskFormat, containerFormat, sizeBytes } = image;
  if (status !== 'active') return refuse(`is ${status}, not active`);
  if (containerFormat !== null && containerFormat !== 'bare')
    return refuse(`has the container format ${containerFormat}; only bare ones are taken`);
  if (diskFormat !== 'qcow2' && diskFormat !== 'raw')
    return refuse(
      `has the disk format ${diskFormat ?? '(none)'}; only qcow2 and raw are taken: convert it there first`,
    );
  if (sizeBytes === null)
    return refuse('has a size that its service does not tell, so that nobody knows whether it fits');
  if (sizeBytes === 0) return refuse('is empty, as those are that only refer to volumes');
  return { isTaken: true, format: diskFormat, sizeBytes };
}

function refuse(reason: string): PullVerdict {
  return { isTaken: false, reason };
}
