import type { Client } from '../../../api/client.ts';

/** Names of the instances by their ids; none where they cannot be told: a schedule is there all the same. */
export async function nameInstances(client: Client): Promise<ReadonlyMap<string, string>> {
  const instances = await client.instances.list().catch(() => []);
  return new Map(instances.map(({ id, name }) => [id, name]));
}
