import { DarkroomError } from '../../model/errors.ts';
import { failed, unusable } from './failures.ts';
import { describeRefusal } from './http/read-answer.ts';

export interface Refusal {
  readonly service: string;
  /** What it should have done, as in "did not create the image X". */
  readonly what: string;
  readonly status: number;
  readonly text: string;
}

/** A status of the Image API v2 that no repetition would change, as the failure that people read. */
export function explainRefusal(refusal: Refusal): DarkroomError {
  const { service, what, status, text } = refusal;
  const seen = describeRefusal(status, text);
  const fields = { service, status };
  const refused = `did not ${what} (${seen}).`;
  switch (status) {
    case 300:
      return unusable(service, `there is no Image API v2 at its endpoint (${seen}).`, { fields });
    case 401:
      return unusable(service, `it does not take our credentials (${seen}).`, { fields });
    case 404:
      return new DarkroomError('IMAGE_NOT_FOUND', `The image service ${service} ${refused}`, { fields });
    case 403:
      if (/quota|limit/i.test(text)) return overQuota(refusal, seen);
      return failed(service, `${refused} Ask its administrators for the right to, or be another user.`, { fields });
    case 413:
      if (/media is full|no space|storagefull/i.test(text))
        return failed(service, `${refused} Its storage is full: have it enlarged, or delete images there.`, { fields });
      return overQuota(refusal, seen);
    default:
      return failed(service, refused, { fields });
  }
}

function overQuota({ service, what, status }: Refusal, seen: string): DarkroomError {
  return new DarkroomError(
    'QUOTA_EXCEEDED',
    `The image service ${service} did not ${what}: a quota there is used up (${seen}). Delete images there, or have it raised.`,
    { fields: { service, status } },
  );
}
