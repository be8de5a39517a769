/**
 * Fields of an image of the Image API v2 that are no properties (its schema: GET /v2/schemas/image), and those that the service
 * reserves for itself.
 */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...['id', 'name', 'status', 'visibility', 'protected', 'owner', 'checksum', 'os_hash_algo', 'os_hash_value'],
  ...['os_hidden', 'size', 'virtual_size', 'container_format', 'disk_format', 'created_at', 'updated_at', 'tags'],
  ...['direct_url', 'min_disk', 'min_ram', 'self', 'file', 'schema', 'locations', 'stores', 'validation_data'],
  ...['is_public', 'deleted', 'deleted_at', 'members', 'location', 'properties'],
]);
const OWN_PREFIXES = ['os_glance', 'os_hash_'];

/** Whether the service tells of this itself: nobody else can set it. */
export function isServiceField(key: string): boolean {
  const lowered = key.toLowerCase();
  return OWN_FIELDS.has(lowered) || OWN_PREFIXES.some((prefix) => lowered.startsWith(prefix));
}
