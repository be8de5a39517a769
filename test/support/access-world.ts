import { createFakeHypervisor } from './fake-hypervisor.ts';
import { createFakeImageStore } from './fake-image-store.ts';
import { createFakeJournal } from './fake-journal.ts';
import { createFakeShelf } from './fake-shelf.ts';
import { makeImage, publishImage } from './sample-images.ts';
import { makeOperation } from './sample-operations.ts';
import { makeShelved } from './sample-shelf.ts';
import { type ServedHost, serveHost } from './served-host.ts';

const uuid = (kind: number, number: number) => `0000000${kind}-0000-4000-8000-00000000000${number}`;

export const IMAGES = {
  'ann-private': uuid(1, 1),
  'ann-shared': uuid(1, 2),
  'ann-public': uuid(1, 3),
  'root-private': uuid(1, 4),
  'hosts-own': uuid(1, 5),
} as const;
export const INSTANCES = { anns: uuid(2, 1), bobs: uuid(2, 2), hosts: uuid(2, 3) } as const;
export const SHELVED = { 'ann-shelved': uuid(3, 1), 'bob-shelved': uuid(3, 2) } as const;
export const OPERATIONS = { ann: 'op-ann', bob: 'op-bob', root: 'op-root' } as const;

export const CALLERS = ['ann', 'bob', 'rita', 'boss', null] as const;
/** ann and bob are operators, rita is a reader, boss an admin; null comes over the socket. */
export type WorldCaller = (typeof CALLERS)[number];

export interface World extends ServedHost {
  dispose(): Promise<void>;
}

/** A host on which several people have things. */
export async function createWorld(): Promise<World> {
  const [hypervisor, store, shelf, journal] = [
    createFakeHypervisor(),
    createFakeImageStore(),
    createFakeShelf(),
    createFakeJournal(),
  ];
  const members = ['bob', 'rita'];
  const image = (name: keyof typeof IMAGES, changes: Parameters<typeof makeImage>[1]) =>
    publishImage(store, makeImage(IMAGES[name], { name, ...changes }));
  await image('ann-private', { owner: 'ann' });
  await image('ann-shared', { owner: 'ann', visibility: 'shared', members });
  await image('ann-public', { owner: 'ann', visibility: 'public' });
  await image('root-private', { owner: 'root' });
  await image('hosts-own', { owner: null });
  hypervisor.put(domainXml('anns', INSTANCES.anns, 'ann'), { powerState: 'running' });
  hypervisor.put(domainXml('bobs', INSTANCES.bobs, 'bob'), { powerState: 'running' });
  hypervisor.put(domainXml('hosts', INSTANCES.hosts, null), { powerState: 'running' });
  await shelf.write(makeShelved(SHELVED['ann-shelved'], { name: 'ann-shelved', owner: 'ann' }));
  await shelf.write(makeShelved(SHELVED['bob-shelved'], { name: 'bob-shelved', owner: 'bob' }));
  const host = serveHost({ hypervisor, store, shelf, journal });
  for (const [requestedBy, id] of Object.entries(OPERATIONS)) {
    await journal.begin(makeOperation({ id, requestedBy }), { owner: host.core.processes.self, plan: null });
  }
  await host.addPrincipal('ann', 'operator');
  await host.addPrincipal('bob', 'operator');
  await host.addPrincipal('rita', 'reader');
  await host.addPrincipal('boss', 'admin');
  return {
    ...host,
    dispose: async () => {
      await host.app.close();
      await host.application.cancelAll();
      store.dispose();
    },
  };
}

export function domainXml(name: string, id: string, owner: string | null): string {
  const metadata = `<metadata><d:instance xmlns:d='urn:darkroom:instance:1' image='i' owner='${owner}'/></metadata>`;
  return `<domain type='qemu'><name>${name}</name><uuid>${id}</uuid>${owner === null ? '' : metadata}
    <memory unit='MiB'>256</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
    <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
    <source file='/nowhere/${name}.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;
}
