import { bootTinyGuest, type Guest, type TinyGuestOptions } from './tiny-guest.ts';
import { onDomain } from './virsh.ts';

const METADATA_URI = 'https://example.org/owner';

/** A booted guest with what its makers tend to forget: metadata of others, a title, a VNC password, autostart. */
export async function bootRichGuest(options: TinyGuestOptions = {}): Promise<Guest> {
  const screen = "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='kept-it'/>";
  const guest = await bootTinyGuest({ ...options, extraDevices: `${screen}${options.extraDevices ?? ''}` });
  const owner = "<owner team='blue'><contact>a &amp; b</contact></owner>";
  await onDomain(guest, 'metadata', [METADATA_URI, '--key', 'own', '--set', owner, '--config']);
  await onDomain(guest, 'desc', ['--config', '--title', '--new-desc', 'a machine that comes back']);
  await onDomain(guest, 'autostart');
  return guest;
}
