import { createBucket } from '../../dist/drivers/stores/s3/bucket/create-bucket.js';
import { createS3Shelf } from '../../dist/drivers/stores/s3/shelf/s3-shelf.js';

/** A process of another host: takes and gives up claims of a shelf in a bucket as it is told to. */
const shelf = createS3Shelf({ bucket: createBucket(JSON.parse(process.argv[2] ?? '{}')) });

const deeds = {
  claim: (claim) => shelf.claim(claim),
  steal: (claim, from) => shelf.stealClaim(claim, from),
};

process.on('message', async ({ number, verb, facts }) => {
  try {
    process.send({ number, answer: await deeds[verb](...facts) });
  } catch (error) {
    process.send({ number, failure: String(error) });
  }
});
process.send({ number: -1, answer: 'ready' });
