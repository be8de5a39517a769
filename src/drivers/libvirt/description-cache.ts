import { type DomainDescription, describeDomain } from '../../model/domain-xml/describe-domain.ts';

interface Known {
  readonly xml: string;
  readonly description: DomainDescription;
}

/**
 * What the XML of each domain says, read anew only where its text has changed: reading takes a millisecond each, which
 * a list of hundreds pays every time. Holds no more domains than were asked about last.
 */
export class DescriptionCache {
  #known: ReadonlyMap<string, Known> = new Map();

  /** How many were asked about last. */
  get size(): number {
    return this.#known.size;
  }

  describeAll(domains: readonly { readonly uuid: string; readonly xml: string }[]): readonly DomainDescription[] {
    const known = domains.map(({ uuid, xml }) => [uuid, this.#recall(uuid, xml)] as const);
    this.#known = new Map(known);
    return known.map(([, { description }]) => description);
  }

  #recall(uuid: string, xml: string): Known {
    const known = this.#known.get(uuid);
    return known?.xml === xml ? known : { xml, description: describeDomain(xml) };
  }
}
