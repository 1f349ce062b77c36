/** The sample people of RFC 9216: Alice and Bob with RSA, Carlos and Dana with Ed25519 and X25519. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { pemToDer } from '../src/asn1/pem.ts';
import { decryptMessage, encryptMessage, signMessage, verifyMessage } from '../src/index.ts';
import { localDecrypter, localSigner } from '../src/keys/local.ts';
import { validatePath } from '../src/path/validate-path.ts';
import { readPkcs12 } from '../src/pkcs12/read.ts';
import { certificateEmails, parseCertificate } from '../src/x509/certificate.ts';
import { describeCorpus } from './corpora.ts';
import { mail, now } from './office.ts';

describeCorpus('rfc9216', 'the people of RFC 9216', (corpus) => {
  const certificate = (name: string) => parseCertificate(corpus.der(`${name}.crt`));
  const at = new Date('2026-06-01T00:00:00Z');
  const people = [
    ['alice', 'rsa', 'rsa', 'rsa'],
    ['bob', 'rsa', 'rsa', 'rsa'],
    ['carlos', '25519', 'ed25519', 'x25519'],
    ['dana', '25519', 'ed25519', 'x25519'],
  ] as const;

  for (const [person, family, signing, encryption] of people) {
    it(`${person} is certified for both purposes, by either root`, () => {
      const other = family === 'rsa' ? '25519' : 'rsa';
      for (const [use, purpose, kind] of [
        ['sign', 'email-signing', signing],
        ['encrypt', 'email-encryption', encryption],
      ] as const) {
        const leaf = certificate(`${person}.${use}`);
        expect(leaf.keyKind).toBe(kind);
        expect(certificateEmails(leaf)).toEqual([`${person}@smime.example`]);
        const input = { leaf, at, purpose, email: `${person}@smime.example`, revocation: 'none' } as const;
        const direct = validatePath({ ...input, intermediates: [], anchors: [certificate(`ca.${family}`)] });
        expect(direct).toMatchObject({ valid: true, problems: [] });
        expect(direct.path.length).toBe(2);
        const crossed = validatePath({
          ...input,
          intermediates: [certificate(`ca.${family}.cross`)],
          anchors: [certificate(`ca.${other}`)],
        });
        expect(crossed).toMatchObject({ valid: true, problems: [] });
        expect(crossed.path.length).toBe(3);
        const wrong = validatePath({
          ...input,
          purpose: use === 'sign' ? 'email-encryption' : 'email-signing',
          intermediates: [],
          anchors: [certificate(`ca.${family}`)],
        });
        expect(wrong.problems.map(({ code }) => code)).toEqual(['key-usage']);
      }
    });

    it(`${person}'s PKCS#12 opens with the right password only, and holds the right keys`, async () => {
      const der = pemToDer(corpus.text(`${person}.p12`));
      const content = await readPkcs12(der, person);
      expect(content.keys.length).toBe(2);
      const kinds = content.keys.map(({ privateKey, certificate: own }) => {
        const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
        if (!own) throw new Error('a key without its certificate');
        const { spki, keyKind } = parseCertificate(own);
        const port = keyKind === 'x25519' ? localDecrypter(key) : localSigner(key);
        expect(Buffer.from(port.spki).equals(Buffer.from(spki))).toBe(true);
        return keyKind;
      });
      expect(new Set(kinds)).toEqual(new Set([signing, encryption]));
      await expect(readPkcs12(der, `${person}x`)).rejects.toMatchObject({ code: 'wrong-password' });
    });

    it(`${person} signs, and reads`, async () => {
      const from = `${person}@smime.example`;
      const anchors = ['ca.rsa', 'ca.25519'].map(certificate);
      const signer = localSigner(createPrivateKey(corpus.text(`${person}.sign.key`)));
      const signed = await signMessage({
        message: mail({ from }),
        signers: [{ signer, certificate: certificate(`${person}.sign`) }],
        form: 'clear',
        signingTime: now,
      });
      expect(await verifyMessage({ message: signed, anchors, at: now })).toMatchObject({
        verdict: 'valid',
        from: [from],
      });
      const own = certificate(`${person}.encrypt`);
      const decrypter = localDecrypter(createPrivateKey(corpus.text(`${person}.encrypt.key`)));
      const message = await encryptMessage({ message: signed, recipients: [own] });
      const opened = await decryptMessage({ message, keys: [{ decrypter, certificate: own }] });
      expect(await verifyMessage({ message: opened.message, anchors, at: now })).toMatchObject({ verdict: 'valid' });
    });
  }
});
