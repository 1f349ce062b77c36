/** RFC 9788 and the scheme before it, in messages that others made. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  type DecryptionKey,
  decodeHeaderText,
  decryptMessage,
  encryptMessage,
  headerFields,
  localDecrypter,
  localSigner,
  parseCertificate,
  pemToDer,
  readPkcs12,
  SmimeError,
  scanMessage,
  signMessage,
  type VerifyReport,
  verifyMessage,
} from '../src/index.ts';
import { type Corpus, describeCorpus } from './corpora.ts';
import { codes } from './office.ts';

const at = new Date('2026-06-15T12:00:00Z');

async function keysOf(corpus: Corpus, name: string, password: string): Promise<DecryptionKey[]> {
  const { keys } = await readPkcs12(pemToDer(corpus.text(name)), password);
  return keys.flatMap(({ privateKey, certificate }) => {
    try {
      const decrypter = localDecrypter(
        createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' }),
      );
      return [{ decrypter, ...(certificate && { certificate: parseCertificate(certificate) }) }];
    } catch (error) {
      if (error instanceof SmimeError) return [];
      throw error;
    }
  });
}

const shown = ({ protectedHeaders }: VerifyReport): string[] =>
  (protectedHeaders?.fields ?? []).map(
    ({ name, value, protection }) => `${name}: ${decodeHeaderText(value)} (${protection})`,
  );

describeCorpus('rfc9788', 'RFC 9788 test vectors', (corpus) => {
  interface Vector {
    readonly section: string;
    readonly file: string;
    readonly payload: string;
  }
  const people = (name: string): Buffer => corpus.bytes(`../rfc9216/${name}`);
  const anchors = [parseCertificate(pemToDer(people('ca.rsa.crt').toString()))];
  const bob = {
    decrypter: localDecrypter(createPrivateKey(people('bob.encrypt.key').toString())),
    certificate: parseCertificate(pemToDer(people('bob.encrypt.crt').toString())),
  };

  for (const { section, file, payload } of corpus.json<Vector[]>('expected.json')) {
    it(`${section}: ${file}`, async () => {
      const message = corpus.bytes(file);
      const report = await verifyMessage({ message, anchors, at, keys: [bob] });
      expect(report).toMatchObject({ verdict: 'valid', from: ['alice@smime.example'], covers: 'whole' });
      // The payload is in the folder as the RFC prints it.
      expect(Buffer.from(report.content ?? []).equals(corpus.bytes(payload))).toBe(true);
      const encrypted = report.layers[0]?.kind === 'enveloped-data';
      expect(report.protectedHeaders).toMatchObject({
        scheme: 'rfc9788',
        intent: encrypted ? 'cipher' : 'clear',
        differing: [],
      });
      const name = file.replace('.eml', '');
      const hidden = encrypted ? 'signed-and-encrypted' : 'signed-only';
      expect(shown(report)).toContain(`subject: ${name} (${hidden})`);
      expect(shown(report)).toContain('from: Alice <alice@smime.example> (signed-only)');
      expect(shown(report)).toContain('to: Bob <bob@smime.example> (signed-only)');
    });

    it(`${section} composed again: the same fields inside, the same outside`, async () => {
      const vector = corpus.bytes(payload);
      const inner = scanMessage(vector);
      const encrypted = inner.contentType.parameters.get('hp') === 'cipher';
      const original = vector
        .toString('latin1')
        .replace(/^HP-Outer:[^\r]*\r\n/gm, '')
        .replace(/; hp="\w+"/, '');
      const signed = await signMessage({
        message: Buffer.from(original, 'latin1'),
        signers: [
          {
            signer: localSigner(createPrivateKey(people('alice.sign.key').toString())),
            certificate: parseCertificate(pemToDer(people('alice.sign.crt').toString())),
          },
        ],
        form: 'opaque',
        headerProtection: encrypted ? 'baseline' : 'clear',
      });
      const message = encrypted ? await encryptMessage({ message: signed, recipients: [bob.certificate] }) : signed;
      const report = await verifyMessage({ message, anchors, at, keys: [bob] });
      expect(report.verdict).toBe('valid');
      const ours = scanMessage(Buffer.from(report.content ?? []));
      // Ours encodes the signature's "-- ", which relays may shorten.
      const fields = (entity: typeof ours) =>
        entity.headers
          .filter(({ name }) => name !== 'mime-version' && name !== 'content-transfer-encoding')
          .map(({ name, value }) => `${name}: ${value.replace(/;\s+hp/, '; hp')}`);
      expect(fields(ours).sort()).toEqual(fields(inner).sort());
      const outside = (bytes: Uint8Array) =>
        scanMessage(bytes)
          .headers.filter(({ name }) => !name.startsWith('content-') && name !== 'mime-version')
          .map(({ name, value }) => `${name}: ${value}`);
      expect(outside(message)).toEqual(outside(corpus.bytes(file)));
    });
  }
});

describeCorpus('protected-headers', 'the scheme before RFC 9788, and headers that are not protected', (corpus) => {
  const anchors = [parseCertificate(pemToDer(corpus.text('autocrypt/sample-ca.pem')))];
  const verify = async (name: string) =>
    verifyMessage({
      message: corpus.bytes(name),
      anchors,
      at,
      legacy: true,
      keys: await keysOf(corpus, 'autocrypt/bob.p12', 'bob'),
    });

  it.each([
    ['smime-multipart-signed', 'The FooCorp contract', 'clear', 'valid', 'signed-only'],
    ['smime-onepart-signed', 'The FooCorp contract', 'clear', 'valid', 'signed-only'],
    ['smime-sign+enc', "BarCorp contract signed, let's go!", 'cipher', 'valid', 'signed-and-encrypted'],
    ['smime-sign+enc+legacy-disp', "BarCorp contract signed, let's go!", 'cipher', 'valid', 'signed-and-encrypted'],
    ['smime-enc+legacy-disp', "BarCorp contract signed, let's go!", 'cipher', 'unsigned', 'encrypted-only'],
  ])('%s', async (name, subject, intent, verdict, protection) => {
    for (const folder of ['autocrypt', 'notmuch/corpora/protected-headers']) {
      const report = await verify(`${folder}/${name}.eml`);
      expect(report).toMatchObject({
        verdict,
        from: ['alice@smime.example'],
        protectedHeaders: { scheme: 'draft-autocrypt', intent, differing: [] },
      });
      expect(shown(report)).toContain(`subject: ${subject} (${protection})`);
    }
  });

  it('every unwrapped layer is the one that the folder has', async () => {
    for (const name of ['smime-sign+enc', 'smime-sign+enc+legacy-disp', 'smime-enc+legacy-disp']) {
      const opened = await decryptMessage({
        message: corpus.bytes(`autocrypt/${name}.eml`),
        keys: await keysOf(corpus, 'autocrypt/bob.p12', 'bob'),
        legacy: true,
      });
      const expected = corpus.bytes(`autocrypt/${name}.inner`).toString('latin1').replace(/\r?\n/g, '\n');
      expect(Buffer.from(opened.content).toString('latin1').replaceAll('\r\n', '\n').trimEnd()).toBe(
        expected.trimEnd(),
      );
    }
  });

  // All but the S/MIME ones above are PGP/MIME, which is nobody's protection here, whatever they claim of their headers.
  it('what is no S/MIME protects nothing', async () => {
    const names = corpus.names('notmuch/corpora/protected-headers', /\.eml$/).filter((name) => !name.includes('smime'));
    expect(names.length).toBe(14);
    for (const name of names) {
      const report = await verify(name);
      expect({ name, verdict: report.verdict, protected: report.protectedHeaders }).toEqual({
        name,
        verdict: 'unsigned',
        protected: undefined,
      });
    }
  });

  it('a signed message without protected headers protects none', async () => {
    const report = await verify('notmuch/corpora/pkcs7/smime-onepart-signed.eml');
    expect(report.verdict).toBe('valid');
    expect(report.protectedHeaders).toBeUndefined();
    expect(codes(report.problems)).toEqual([]);
  });

  it('the phony headers among parts stay what they are: fields of parts', () => {
    const root = scanMessage(corpus.bytes('notmuch/corpora/protected-headers/misplaced-protected-header.eml'));
    expect(headerFields(root, 'subject')).toHaveLength(1);
  });
});
