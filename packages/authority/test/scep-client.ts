/** A SCEP client made of the engine, which says what a test wants it to say. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  buildName,
  buildRequest,
  type Certificate,
  type ContentCipher,
  DerReader,
  decryptContent,
  encryptContent,
  localDecrypter,
  localSigner,
  makePkiMessage,
  type PkiMessage,
  parseCertificate,
  pkiMessageTypes,
  readPkiMessage,
  type Signer,
  tag,
} from '@chancery/smime';
import { selfSigned } from './self-signed.ts';

export interface Asking {
  readonly key: KeyObject;
  readonly challenge?: string;
  /** In the subject alternative names. */
  readonly emails?: readonly string[];
  readonly commonName?: string;
  /** Of whom the message is signed, where not by itself: a renewal. */
  readonly signedBy?: { readonly key: KeyObject; readonly certificate: Certificate };
  readonly messageType?: number;
  readonly transactionId?: string;
  readonly cipher?: ContentCipher;
  /** Instead of the newest registration authority. */
  readonly to?: Certificate;
  /** Instead of a request. */
  readonly content?: Uint8Array;
}

export interface Answered {
  readonly reply: PkiMessage;
  /** What was issued. */
  readonly certificate: Certificate | undefined;
  /** DER CertificateList. */
  readonly crl: Uint8Array | undefined;
  /** What was sent, to be sent again. */
  readonly sent: Uint8Array;
}

/** Made in no time, as a telephone would. */
export const deviceKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

export const rsaKey = (modulusLength = 2048): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey;

export async function getCaCerts(url: string): Promise<Certificate[]> {
  const answer = await fetch(`${url}?operation=GetCACert&message=0`);
  return certificatesIn(new Uint8Array(await answer.arrayBuffer()));
}

/** The certificate that stands under the others and signs nothing. */
export async function raOf(url: string): Promise<Certificate> {
  const [ra] = (await getCaCerts(url)).filter(({ basicConstraints }) => basicConstraints?.ca !== true);
  if (ra === undefined) throw new Error('There is no registration authority');
  return ra;
}

/** The message that asks for it. */
export async function scepMessage(url: string, asking: Asking): Promise<Uint8Array> {
  const { key, signedBy } = asking;
  const ra = asking.to ?? (await raOf(url));
  const signer = localSigner(key);
  const request =
    asking.content ??
    (await buildRequest({
      subject: buildName([{ type: 'commonName', value: asking.commonName ?? 'a device' }]),
      signer,
      ...(asking.emails && { emails: asking.emails }),
      ...(asking.challenge !== undefined && { challengePassword: asking.challenge }),
    }));
  const envelope = await encryptContent({ content: request, recipients: [ra], cipher: asking.cipher ?? 'aes-256-cbc' });
  return makePkiMessage({
    messageType: asking.messageType ?? pkiMessageTypes.PKCSReq,
    transactionId: asking.transactionId ?? randomBytes(20).toString('hex'),
    senderNonce: randomBytes(16),
    envelope,
    ...(await signingAs(key, signedBy)),
    signingTime: new Date(),
  });
}

async function signingAs(
  own: KeyObject,
  signedBy: Asking['signedBy'],
): Promise<{ signer: Signer; certificate: Certificate }> {
  if (signedBy !== undefined) return { signer: localSigner(signedBy.key), certificate: signedBy.certificate };
  const certificate = parseCertificate(await selfSigned(own, ['digitalSignature', 'keyEncipherment']));
  return { signer: localSigner(own), certificate };
}

/** What a degenerate SignedData carries. */
export function certificatesIn(der: Uint8Array): Certificate[] {
  return carried(der).certificates.map((one) => parseCertificate(one));
}

function carried(der: Uint8Array): { certificates: Buffer[]; crls: Buffer[] } {
  const info = new DerReader(der).enter();
  info.oid();
  const data = info.enter(0xa0).enter();
  data.smallInteger();
  data.skip(tag.set);
  data.skip(tag.sequence);
  const all = (set: DerReader | undefined) => {
    const found: Buffer[] = [];
    while (set && !set.atEnd) found.push(set.element());
    return found;
  };
  return { certificates: all(data.enterIf(0xa0)), crls: all(data.enterIf(0xa1)) };
}

/** Sends it, and opens the reply. @param key opens what comes back */
export async function sendScep(url: string, sent: Uint8Array, key: KeyObject): Promise<Answered> {
  const answer = await fetch(`${url}?operation=PKIOperation`, { method: 'POST', body: Buffer.from(sent) });
  const octets = new Uint8Array(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`${answer.status}: ${Buffer.from(octets).toString()}`);
  const reply = readPkiMessage(octets);
  if (reply.signature !== 'valid') throw new Error('The reply is not signed');
  if (reply.envelope === undefined) return { reply, certificate: undefined, crl: undefined, sent };
  const signer = readPkiMessage(sent).signer;
  if (signer === undefined) throw new Error('The message had no signer');
  const { content } = await decryptContent({
    der: reply.envelope,
    keys: [{ decrypter: localDecrypter(key), certificate: signer }],
  });
  return { reply, certificate: certificatesIn(content)[0], crl: carried(content).crls[0], sent };
}

export async function askScep(url: string, asking: Asking): Promise<Answered> {
  const sent = await scepMessage(url, asking);
  return sendScep(url, sent, asking.signedBy?.key ?? asking.key);
}
