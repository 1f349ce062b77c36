/** A certificate as a profile would make it, for a person or for somebody made up: built and judged, never signed. */
import { generateKeyPair } from 'node:crypto';
import type { CertificatePreview, ProfileDocument } from '@chancery/api';
import { keyKindOf } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import { issuingAuthority } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { requireOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import type { World } from '../world.ts';
import { keyLabel } from './authority-key.ts';
import { buildEndEntity } from './end-entity.ts';
import { type JudgedFinding, judgeByProfile } from './judge.ts';
import { type Holder, nameHolder, personAsHolder } from './name-holder.ts';
import { randomSerialNumber } from './serial-number.ts';

export type PreviewKey = ProfileDocument['keys']['algorithms'][number];

/**
 * @param personId whom it is drawn for; somebody made up, who has every attribute, where it is undefined
 * @param key the kind of key it is drawn with, or a key itself (DER SubjectPublicKeyInfo); what the KRA makes, or else the first
 *   that is accepted, where it is undefined
 * @throws AuthorityError `not-found` (the person), `not-set-up`
 */
export async function previewCertificate(
  world: World,
  snapshot: Snapshot,
  profile: ProfileDocument,
  { personId, key }: { personId?: string | undefined; key?: PreviewKey | Uint8Array } = {},
): Promise<CertificatePreview> {
  const holder = await holderFor(snapshot, profile, personId);
  const authority = await issuingAuthority(snapshot);
  const spki = key instanceof Uint8Array ? { name: keyKindOf(key), der: key } : await sampleKey(profile, key);
  const drawn = { holder: holder.addresses[0] === undefined ? holder.who : `${holder.who} <${holder.addresses[0]}>` };
  try {
    const { draft } = buildEndEntity({
      profile,
      authority,
      config: world.config,
      serialNumber: randomSerialNumber(),
      names: nameHolder(profile, holder),
      spki: spki.der,
      now: world.clock(),
    });
    return {
      ...drawn,
      key: keyLabel(draft),
      certificate: Buffer.from(draft.der).toString('base64'),
      refusal: null,
      findings: judgeByProfile(profile, draft, authority.certificate).map(outcome),
    };
  } catch (error) {
    if (!(error instanceof AuthorityError)) throw error;
    return { ...drawn, key: spki.name, certificate: null, refusal: error.message, findings: [] };
  }
}

function outcome({ lint, severity, clause, message, edition, verdict, reason }: JudgedFinding) {
  return {
    lint,
    severity,
    clause,
    message,
    verdict,
    ...(edition !== undefined && { edition }),
    ...(reason !== undefined && { reason }),
  };
}

async function holderFor(snapshot: Snapshot, profile: ProfileDocument, personId: string | undefined): Promise<Holder> {
  const { organisation, domains } = await requireOffice(snapshot);
  const domain = domains[0] ?? 'example.com';
  if (profile.use !== 'signing' && profile.use !== 'encryption') return machineOf(profile.use, organisation, domain);
  if (personId === undefined) return madeUp(organisation, domain);
  const person = await personById(snapshot, personId);
  if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was drawn.');
  return personAsHolder({
    id: person.id,
    name: person.name,
    state: person.state,
    signingKey: person.signing_key,
    externalId: person.external_id,
    attributes: person.attributes,
    profiles: person.profiles,
    organisation,
    addresses: [person.address, ...person.aliases],
  });
}

const NOBODY = '00000000-0000-4000-8000-000000000000';

function madeUp(organisation: string, domain: string): Holder {
  return {
    who: 'Sam Sample',
    values: {
      id: NOBODY,
      name: 'Sam Sample',
      givenName: 'Sam',
      surname: 'Sample',
      title: 'Engineer',
      department: 'Research',
      employeeId: 'E1000',
      externalId: 'E1000',
      country: 'DE',
      organisation,
    },
    addresses: [`sam.sample@${domain}`, `sam@${domain}`],
  };
}

function machineOf(use: ProfileDocument['use'], organisation: string, domain: string): Holder {
  if (use === 'gateway') {
    const name = `gateway.${domain}`;
    return { who: name, values: { id: NOBODY, name, organisation }, addresses: [] };
  }
  if (use === 'admin') {
    const values = { id: NOBODY, name: 'Sam Sample', organisation };
    return { who: 'Sam Sample', values, addresses: [`sam.sample@${domain}`] };
  }
  if (use === 'partner') {
    const values = { id: NOBODY, name: 'Sam Sample', organisation };
    return { who: 'Sam Sample', values, addresses: ['sam.sample@partner.example'] };
  }
  return { who: 'The office', values: { organisation }, addresses: [] };
}

/** Bits of RSA in the order in which a picture is drawn with them. */
const RSA_BITS = [3072, 2048, 4096];
const made = new Map<string, Promise<Buffer>>();

/** A public key whose private half is thrown away; one of each kind is enough for as long as the process lives. */
async function sampleKey(
  { keys }: ProfileDocument,
  wanted: PreviewKey | undefined,
): Promise<{ name: string; der: Uint8Array }> {
  const { minimum, maximum } = keys.rsaBits;
  const kind = wanted ?? keys.generate?.split('-')[0] ?? keys.algorithms[0] ?? 'rsa';
  const bits = wanted === undefined ? Number(keys.generate?.split('-')[1] ?? Number.NaN) : Number.NaN;
  const rsaBits = Number.isNaN(bits) ? (RSA_BITS.find((one) => one >= minimum && one <= maximum) ?? minimum) : bits;
  const name = kind === 'rsa' ? `RSA-${rsaBits}` : kind;
  const known = made.get(name) ?? makeKey(kind, rsaBits);
  made.set(name, known);
  return { name, der: await known };
}

function makeKey(kind: string, rsaBits: number): Promise<Buffer> {
  const encoding = {
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  } as const;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: Buffer) => (error === null ? resolve(publicKey) : reject(error));
    if (kind === 'rsa') generateKeyPair('rsa', { modulusLength: rsaBits, ...encoding }, done);
    else if (kind === 'ed25519') generateKeyPair('ed25519', encoding, done);
    else generateKeyPair('ec', { namedCurve: `P-${kind.slice(1)}`, ...encoding }, done);
  });
}
