/** A peer that knows CMS objects and nothing of MIME: what stands around and between the objects is made and read here. */
import { entity, type Sample, sampleOf } from './ours.ts';
import { isEntity, type Outcome, type Session } from './peer.ts';
import type { EncryptRow, SignRow } from './rows.ts';

export type Refused = { readonly says: string };

export interface CmsVerbs {
  /** The content that the signature covers, or why it does not hold. @param content of a detached signature */
  verify(object: Buffer, content: Buffer | undefined): Promise<Buffer | Refused>;
  // Each of these: undefined where the peer has nothing of the kind, or cannot be asked for it.
  /** The content, as each of the recipients of the row opens it. */
  decrypt(row: EncryptRow, object: Buffer): Promise<Buffer | Refused | undefined>;
  sign(row: SignRow, content: Buffer): Promise<Buffer | Refused | undefined>;
  encrypt(row: EncryptRow, content: Buffer): Promise<Buffer | Refused | undefined>;
  compress?(content: Buffer): Promise<Buffer | Refused>;
  expand?(object: Buffer): Promise<Buffer | Refused>;
}

export function cmsSession(verbs: CmsVerbs, close: () => Promise<void> = async () => undefined): Session {
  return {
    read: async (row, { object, content }) => {
      if (row.kind === 'compress') return verbs.expand && judge(await verbs.expand(object));
      if (row.kind === 'sign') return judge(await verbs.verify(object, content));
      const opened = await verbs.decrypt(row.kind === 'both' ? row.encrypt : row, object);
      if (opened === undefined) return undefined;
      if (row.kind === 'encrypt' || 'says' in opened) return judge(opened);
      const inner = sampleOf(opened);
      return judge(await verbs.verify(inner.object, inner.content));
    },
    write: async (row) => {
      switch (row.kind) {
        case 'sign':
          return sample(await verbs.sign(row, entity), row.form === 'clear' ? entity : undefined);
        case 'encrypt':
          return sample(await verbs.encrypt(row, entity));
        case 'compress':
          return sample(await verbs.compress?.(entity));
        case 'both': {
          const signature = await verbs.sign(row.sign, entity);
          if (signature === undefined || 'says' in signature) return signature;
          return sample(await verbs.encrypt(row.encrypt, signedEntity(row.sign, signature)));
        }
      }
    },
    close,
  };
}

function judge(found: Buffer | Refused): Outcome {
  if ('says' in found) return { ok: false, ...found };
  return isEntity(found) ? { ok: true } : { ok: false, says: 'another text' };
}

function sample(object: Buffer | Refused | undefined, content?: Buffer): Sample | Refused | undefined {
  return object === undefined || 'says' in object ? object : { object, ...(content && { content }) };
}

/** The MIME entity of a signature over the common content (RFC 8551 section 3.5). */
function signedEntity({ form, signers }: SignRow, object: Buffer): Buffer {
  const base64 = object.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  const head = (type: string): string => `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
  if (form === 'opaque')
    return Buffer.from(`${head('application/pkcs7-mime; smime-type=signed-data; name=smime.p7m')}${base64}\r\n`);
  const micalg = signers.map(({ hash }) => hash.replace('sha', 'sha-')).join(',');
  return Buffer.from(
    `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg="${micalg}"; boundary="frontier"\r\n\r\n` +
      `--frontier\r\n${entity.toString('latin1')}\r\n--frontier\r\n` +
      `${head('application/pkcs7-signature; name=smime.p7s')}${base64}\r\n--frontier--\r\n`,
    'latin1',
  );
}
