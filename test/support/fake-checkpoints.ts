import { parseXml, rootElement, text } from '../../src/model/domain-xml/xml.ts';
import type { CheckpointInfo } from '../../src/model/ports/hypervisor.ts';

/** The checkpoints after one was taken up again; refuses what libvirt refuses. */
export function redefineCheckpoint(
  checkpoints: readonly CheckpointInfo[],
  xml: string,
  failed: (message: string) => Error,
): CheckpointInfo[] {
  const root = rootElement(parseXml(xml));
  const name = text('./name', root);
  const parent = text('./parent/name', root);
  if (name === null) throw failed('a redefined checkpoint must have a name');
  if (text('./creationTime', root) === null) throw failed('missing creationTime from existing checkpoint');
  const others = checkpoints.filter((checkpoint) => checkpoint.name !== name);
  if (parent !== null && !others.some((other) => other.name === parent)) {
    throw failed(`parent ${parent} for checkpoint ${name} not found`);
  }
  const checkpoint = { name, parent, xml };
  if (others.length === checkpoints.length) return [...others, checkpoint];
  return checkpoints.map((known) => (known.name === name ? checkpoint : known));
}
