// An operation by the built application, which ends itself with SIGKILL: when that many bytes were sent or have come, or
// (`bytes` null) when all was done and nothing of it is on record yet. Its one argument is JSON: { settings, service, request, bytes }.

import { compose } from '../../../dist/compose.js';
import { createImageServices } from '../../../dist/drivers/glance/create-image-services.js';

const { settings, service, request, bytes } = JSON.parse(process.argv[2] ?? '{}');
const die = () => process.kill(process.pid, 'SIGKILL');
const watch = (options) => ({
  ...options,
  onBytes: (total) => {
    if (bytes !== null && total >= bytes) die();
  },
});
const real = createImageServices([service]).open(service.name);
const dying = {
  ...real,
  upload: async (imageId, path, options) => {
    await real.upload(imageId, path, watch(options));
    die();
  },
  download: (image, path, options) => real.download(image, path, watch(options)),
};
const application = await compose(settings, {
  adapt: (core) => ({ ...core, imageServices: { list: () => [], open: () => dying } }),
});
await application.operations.submit(request);
