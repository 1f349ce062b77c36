/** What mail gateways are told: whom they serve, whom they may encrypt to, and the keys that are locked to them. */
import { type GatewayConfiguration, NewPerson, type NoticeText, noticeLanguages } from '@chancery/api';
import { parseCertificate } from '@chancery/smime';
import { z } from 'zod';
import { type AuthorityConfig, publicUrlOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { associatedData } from '../kra/generate.ts';
import { settingsInForce, templatesInForce } from '../notices/rules.ts';
import { languageOf } from '../notices/texts/languages.ts';
import { operation } from '../operation.ts';
import { partnerAddresses, partnerCertificates } from '../store/acme-orders.ts';
import { listAuthorities, ownAndOutside, trustAnchors } from '../store/authorities.ts';
import { validEncryptionCertificates } from '../store/certificates.ts';
import { openDecisions } from '../store/correspondents.ts';
import { latestCrl, readCrl } from '../store/crls.ts';
import { listCrossCertificates } from '../store/cross-certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { keysLockedTo, usableKeys } from '../store/escrow.ts';
import { openHeldDecisions } from '../store/held-mail.ts';
import { usableImported } from '../store/imported-certificates.ts';
import { liveRuleSet } from '../store/mail-rules.ts';
import { chosenLanguages } from '../store/notice-events.ts';
import { requireOffice } from '../store/office.ts';
import { activePeople, personByAddress } from '../store/people.ts';
import { publicationByProfile } from '../store/profiles.ts';
import { gatewayRenewals } from '../store/renewals.ts';
import { groupNamesOfPeople } from '../store/sources.ts';

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');

/** @throws AuthorityError `not-set-up` */
export async function gatewayConfiguration(
  snapshot: Snapshot,
  at: Date,
  config?: AuthorityConfig,
  gatewayId?: string,
): Promise<GatewayConfiguration> {
  const office = await requireOffice(snapshot);
  const authorities = await listAuthorities(snapshot);
  const crls = [];
  for (const { id } of authorities) {
    const scope = { authorityId: id, shard: null };
    const crl = await latestCrl(snapshot, scope);
    const der = crl && (await readCrl(snapshot, scope, crl));
    if (der !== undefined) crls.push(base64(der));
  }
  const anchors = await trustAnchors(snapshot);
  const crossed = (await listCrossCertificates(snapshot))
    .filter(({ revokedAt }) => revokedAt === null)
    .flatMap(({ certificate, above }) => [certificate.der, ...above]);
  const isAnchor = (der: Uint8Array) => anchors.some((anchor) => Buffer.compare(anchor, der) === 0);
  const people = await activePeople(snapshot);
  const groups = await groupNamesOfPeople(snapshot);
  const chosen = await chosenLanguages(snapshot);
  const rules = await liveRuleSet(snapshot);
  return {
    organisation: office.organisation,
    domains: [...office.domains],
    trustAnchors: anchors.map(base64),
    intermediates: [...authorities.flatMap(ownAndOutside), ...crossed].filter((der) => !isAnchor(der)).map(base64),
    crls,
    people: people.map((person) => {
      const language = chosen.get(person.id) ?? languageOf(person.attributes.language);
      return {
        personId: person.id,
        address: person.address,
        name: person.name,
        aliases: [...person.aliases],
        signingKey: person.signing_key,
        decrypts: person.gateway_decrypts,
        groups: groups.get(person.id) ?? [],
        ...(language !== undefined && { language }),
      };
    }),
    partners: await partnerAddresses(snapshot, at),
    acmeAddress: config?.acme?.address ?? null,
    renew: await gatewayRenewals(snapshot, at),
    rules: rules === undefined ? null : { version: rules.version, document: rules.document },
    decisions: gatewayId === undefined ? [] : await openDecisions(snapshot, gatewayId),
    heldDecisions: gatewayId === undefined ? [] : await openHeldDecisions(snapshot, gatewayId),
    heldMailEnded: {
      texts: await heldMailEndedTexts(snapshot),
      language: (await settingsInForce(snapshot)).settings.language,
      url: config === undefined ? '' : publicUrlOf(config),
    },
  };
}

/** The letter to whoever was written to, which a gateway writes: it knows when the time of what it holds has ended, whether or not it reaches us. */
async function heldMailEndedTexts(snapshot: Snapshot) {
  const textOf = await templatesInForce(snapshot);
  return Object.fromEntries(
    noticeLanguages.map((language) => [language, textOf('held-mail-ended', language)]),
  ) as Record<(typeof noticeLanguages)[number], NoticeText>;
}

/**
 * Certificates whose owner, or a gateway in the owner's stead, can decrypt: newest first. While this office has issued none
 * that is in use, those of another office whose key is in escrow here: a move leaves nobody unreachable, and no mail unreadable.
 */
export async function usableCertificates(snapshot: Snapshot, address: string, at: Date) {
  const person = await personByAddress(snapshot, address);
  if (person === undefined) return encryptionOfPartner(snapshot, address, at);
  if (person.state !== 'active') return [];
  const rows = await validEncryptionCertificates(snapshot, address, at);
  const usable = await usableKeys(
    snapshot,
    rows.flatMap((row) => row.escrowed_key_id ?? []),
  );
  const ours = rows.filter((row) => row.escrowed_key_id !== null && usable.has(row.escrowed_key_id));
  return ours.length > 0 ? ours : usableImported(snapshot, address, at);
}

/** Of somebody outside, where the profile that it was issued by says that gateways are told. */
async function encryptionOfPartner(snapshot: Snapshot, address: string, at: Date) {
  const rows = await partnerCertificates(snapshot, address, at);
  const published = await publicationByProfile(
    snapshot,
    rows.map(({ profile }) => profile),
  );
  return rows.filter(({ certificate, profile, profile_version: version }) => {
    const usage = parseCertificate(certificate).keyUsage;
    const encrypts = usage?.has('keyEncipherment') === true || usage?.has('keyAgreement') === true;
    return encrypts && published.get(`${profile}/${version}`) !== 'nowhere';
  });
}

/** The keys of one address that are locked to the calling gateway: sealed, with the lock that only it opens. */
export const readGatewayKeys = operation({
  action: 'gateway.read-keys',
  permission: 'gateway:serve',
  input: z.object({ address: NewPerson.shape.address }),
  subject: ({ address }) => `address:${address.toLowerCase()}`,
  async run(tx, { address }, by) {
    const person = await personByAddress(tx, address);
    if (person === undefined) throw new AuthorityError('not-found', `Nobody here has the address ${address}.`);
    // Whoever left, or took the permission back, is not read on.
    const open = person.state === 'active' && person.gateway_decrypts;
    const locked = open ? await keysLockedTo(tx, { kind: 'gateway', holder: by.id, personId: person.id }) : [];
    return {
      result: locked.map(({ key, wrapped, certificate }) => ({
        escrowedKeyId: key.id,
        certificate: base64(certificate),
        sealed: base64(key.sealed),
        aad: base64(
          associatedData(
            { recordId: key.id, personId: key.person_id, vaultId: key.vault_id },
            key.spki_sha256,
            key.format_version,
          ),
        ),
        lock: base64(wrapped),
      })),
      audit: { personId: person.id, escrowedKeyIds: locked.map(({ key }) => key.id) },
    };
  },
});
