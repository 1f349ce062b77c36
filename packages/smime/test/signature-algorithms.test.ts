/** Self-signed certificates of every signature algorithm that is verified, made by others. */
import { expect, it } from 'vitest';
import { parseCertificate, verifyCertificateSignature } from '../src/x509/certificate.ts';
import { parseCrl, verifyCrlSignature } from '../src/x509/crl.ts';
import { describeCorpus } from './corpora.ts';

describeCorpus('pyca-vectors', 'signature algorithms', (corpus) => {
  const verifies = (name: string): boolean => {
    const certificate = parseCertificate(corpus.der(`x509/${name}`));
    return verifyCertificateSignature(certificate, certificate);
  };
  it.each([
    'custom/rsa_pss_cert.pem',
    'custom/dsa_selfsigned_ca.pem',
    'ecdsa_root.pem',
    'ed25519/root-ed25519.pem',
    'ed448/root-ed448.pem',
  ])('%s verifies', (name) => {
    expect(verifies(name)).toBe(true);
  });
  it('MD2 does not', () => {
    expect(verifies('verisign_md2_root.pem')).toBe(false);
  });

  it('a CRL verifies with the certificate of its issuer unless it was altered', () => {
    for (const [kind, expected] of [
      ['valid', true],
      ['invalid', false],
    ] as const) {
      const issuer = parseCertificate(corpus.der(`x509/custom/${kind}_signature_cert.pem`));
      const crl = parseCrl(corpus.der(`x509/custom/${kind}_signature_crl.pem`));
      expect(verifyCrlSignature(crl, issuer), kind).toBe(expected);
    }
  });
});

describeCorpus('pqc-lamps', 'post-quantum signatures', (corpus) => {
  it.each(corpus.names('dilithium-certificates/examples', /^ML-DSA-\d\d\.crt$/))('%s verifies', (name) => {
    const certificate = parseCertificate(corpus.der(name));
    expect(certificate.publicKey.asymmetricKeyType).toMatch(/^ml-dsa-/);
    expect(verifyCertificateSignature(certificate, certificate)).toBe(true);
    const altered = { ...certificate, tbs: Buffer.concat([certificate.tbs, Buffer.of(0)]) };
    expect(verifyCertificateSignature(altered, certificate)).toBe(false);
  });
});
