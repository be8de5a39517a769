import { DarkroomError, type ErrorFields } from '../../model/errors.ts';

/** Not to be reached, or not with what the configuration says; the remedy is part of the message. */
export function unusable(
  service: string,
  message: string,
  options: { readonly fields?: ErrorFields; readonly cause?: unknown } = {},
): DarkroomError {
  return new DarkroomError('IMAGE_SERVICE_UNUSABLE', `The image service ${service} cannot be used: ${message}`, {
    cause: options.cause,
    fields: { service, ...options.fields },
  });
}

/** A request that it refused or that broke off. */
export function failed(
  service: string,
  message: string,
  options: { readonly fields?: ErrorFields; readonly cause?: unknown } = {},
): DarkroomError {
  return new DarkroomError('IMAGE_SERVICE_FAILED', `The image service ${service} ${message}`, {
    cause: options.cause,
    fields: { service, ...options.fields },
  });
}
