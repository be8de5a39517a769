import type { InstanceSelector } from './schedule.ts';

export interface Selectable {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether a schedule means that instance. Who may see it is not its business. */
export function covers(selector: InstanceSelector, instance: Selectable): boolean {
  switch (selector.kind) {
    case 'instance':
      return selector.instanceId === instance.id;
    case 'all':
      return true;
    case 'label':
      // its own alone: a label may be called like what every object has
      return Object.hasOwn(instance.labels, selector.key) && instance.labels[selector.key] === selector.value;
    default:
      return selector satisfies never;
  }
}
