/** A request that a person brings to their own page: what it says and what would become of it, before it is handed in. */
import type { RequestReading } from '@chancery/api';
import { formatName, SmimeError } from '@chancery/smime';
import { keyLabel } from '../ca/authority-key.ts';
import { requirePossession, requireSoundKey } from '../ca/check-key.ts';
import { previewCertificate } from '../ca/preview.ts';
import { labelOf, needsApproval } from '../enrolment-config.ts';
import { AuthorityError } from '../errors.ts';
import type { Snapshot } from '../store/database.ts';
import { personById, whyAway } from '../store/people.ts';
import { profileOfPerson } from '../store/profiles.ts';
import type { World } from '../world.ts';
import { readRequest, requestOf } from './certificate-request.ts';
import { deviceProfile, requireSelfService } from './challenge.ts';
import { addressesIn, digestOf, refused, requireFresh, requireOwnNames, UNDONE } from './judge-request.ts';

/**
 * Every rule is asked, and each that says no is told: whoever holds a card wants to hear all of it at once. `enrolDevice` asks them again.
 * @param csr PEM, or DER in base64
 * @throws AuthorityError `unusable-input` where it cannot be read at all
 */
export async function readUpload(
  world: World,
  snapshot: Snapshot,
  personId: string,
  csr: string,
): Promise<RequestReading> {
  const request = readRequest(requestOf(csr), UNDONE);
  const person = await personById(snapshot, personId);
  if (person === undefined) throw refused('not-found', 'There is no such person');
  const { enrolment } = world.config;
  const settings = labelOf(enrolment, 'default');
  const spkiSha256 = digestOf(request.spki);
  const problems: string[] = [];
  const ask = async <T>(rule: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await rule();
    } catch (error) {
      if (error instanceof AuthorityError) problems.push(error.message.replace(` ${UNDONE}`, ''));
      else if (error instanceof SmimeError) problems.push(`The key cannot be certified: ${error.message}.`);
      else throw error;
      return undefined;
    }
  };
  await ask(() => requireSelfService(enrolment));
  if (person.state !== 'active') problems.push(`${whyAway(person)}.`);
  const profile = await ask(async () =>
    deviceProfile(snapshot, settings?.profile ?? (await profileOfPerson(snapshot, person, 'signing')).id),
  );
  await ask(() => requirePossession(request));
  await ask(() => requireOwnNames(request, person));
  if (profile !== undefined) await ask(() => requireSoundKey(request.spki, profile.document));
  await ask(() => requireFresh(snapshot, spkiSha256, undefined));
  const preview =
    profile === undefined || problems.length > 0
      ? null
      : await previewCertificate(world, snapshot, profile.document, { personId, key: request.spki });
  if (preview?.refusal != null) problems.push(preview.refusal);
  return {
    subject: formatName(request.subject),
    addresses: addressesIn(request),
    keyAlgorithm: keyLabel(request),
    keySha256: spkiSha256.toString('hex'),
    profile: profile?.document.name ?? null,
    approval:
      enrolment.selfService === 'approval' ||
      (settings !== undefined && needsApproval(settings)) ||
      (profile !== undefined && profile.document.approval !== 'never'),
    problems,
    preview,
  };
}
