import { DarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { CommandContext } from '../context.ts';
import { printResult } from '../output.ts';
import { summarizeImage } from '../render/image.ts';

/** Prints the image that a finished operation made or worked on. */
export async function printMadeImage({ client, output }: CommandContext, operation: Operation): Promise<number> {
  const { imageId } = operation.result;
  if (imageId === undefined) {
    throw new DarkroomError('INTERNAL', `Operation ${operation.id} succeeded but names no image.`);
  }
  const image = await client.images.show(imageId);
  await printResult(output, image, () => summarizeImage(image, operation));
  return 0;
}
