import { REQUESTED_CONSISTENCIES } from '../model/consistency.ts';

export const CONSISTENCY_OPTION = {
  choices: REQUESTED_CONSISTENCIES,
  default: 'auto',
  requiresArg: true,
  describe: 'auto: quiesced where the guest agent answers, else paused',
} as const;

/** Of everything that makes an image of an instance. */
export const CAPTURE_OPTIONS = {
  consistency: CONSISTENCY_OPTION,
  description: { type: 'string', requiresArg: true, describe: 'What it is for' },
  property: {
    type: 'string',
    array: true,
    default: [],
    requiresArg: true,
    describe: 'KEY=VALUE to keep with the image; may be repeated',
  },
} as const;
