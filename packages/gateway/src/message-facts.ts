/** What the pipeline needs to know of a message before it decides, of one in memory and of one in files. */
import {
  type BodyOf,
  beginningOctets,
  identityIn,
  identityOf,
  leavesOf,
  type MessageIdentity,
} from '@chancery/mail-facts';
import { decodeBody, type MimeEntity } from '@chancery/smime';
import { LargeMessage, type Message } from './large-message.ts';
import { textRead } from './limits.ts';
import { structureOf } from './message-parts.ts';
import type { OfficeView } from './office.ts';

export async function readIdentity(message: Message): Promise<MessageIdentity> {
  if (!(message instanceof LargeMessage)) return identityIn(message);
  const root = await structureOf(message);
  const beginning = await message.range(root.bodyStart, Math.min(root.end, root.bodyStart + beginningOctets));
  const body = decodeBody(beginning, { ...root, bodyStart: 0, end: beginning.length });
  return identityOf(root, await bodiesOf(message, root), body);
}

/** @param root of the message, as `scanStream` has it */
async function bodiesOf(message: LargeMessage, root: MimeEntity): Promise<BodyOf> {
  const read = new Map<MimeEntity, Uint8Array>();
  let room = textRead;
  for (const entity of leavesOf(root)) {
    const { bodyStart, end, contentType } = entity;
    const wanted = Math.min(end - bodyStart, largestText);
    if (!contentType.type.startsWith('text/') || wanted > room) continue;
    room -= wanted;
    const octets = await message.range(bodyStart, bodyStart + wanted);
    read.set(entity, decodeBody(octets, { ...entity, bodyStart: 0, end: octets.length }));
  }
  return (entity) => read.get(entity);
}

/** Octets of one text as it is encoded: more than anybody looks at once it is decoded. */
const largestText = 7 * 1024 * 1024;

/** Nobody outside is in a group of ours; undefined where the authority does not tell. */
export function groupsOf(address: string, view: Pick<OfficeView, 'personOf'>): readonly string[] | undefined {
  const person = address === '' ? undefined : view.personOf(address);
  return person === undefined ? [] : person.groups;
}
