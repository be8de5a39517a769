import { unusable } from '../failures.ts';
import type { ImageServiceOptions } from '../service-options.ts';
import type { Catalogue } from './sign-in.ts';

const SERVICE_TYPE = 'image';

/** URL of the Image API in a catalogue, as it stands there. IMAGE_SERVICE_UNUSABLE, with what there is, unless there is one. */
export function findEndpoint(
  catalogue: Catalogue,
  options: Pick<ImageServiceOptions, 'name' | 'region' | 'interface'>,
): string {
  const { name, region, interface: wanted } = options;
  const offered = catalogue
    .filter(({ type }) => type === SERVICE_TYPE)
    .flatMap(({ endpoints }) => endpoints)
    .map((endpoint) => ({ ...endpoint, region: endpoint.region_id ?? endpoint.region ?? '' }));
  if (offered.length === 0) {
    const types = [...new Set(catalogue.map(({ type }) => type))].join(', ');
    throw unusable(
      name,
      `the catalogue names no service of the type image, only: ${types || 'nothing'}. Set endpoint.`,
    );
  }
  const fitting = offered.filter(
    (endpoint) => endpoint.interface === wanted && (region === null || endpoint.region === region),
  );
  const [found] = fitting;
  if (found === undefined) {
    const known = offered.map((endpoint) => `${endpoint.interface} in ${endpoint.region}`).join(', ');
    const where = region === null ? '' : ` in the region ${region}`;
    throw unusable(name, `the catalogue names no ${wanted} endpoint${where} of the image service, only: ${known}.`);
  }
  const regions = [...new Set(fitting.map((endpoint) => endpoint.region))];
  if (regions.length > 1)
    throw unusable(name, `there is one in each of the regions ${regions.join(', ')}: set region to one of them.`);
  return found.url;
}
