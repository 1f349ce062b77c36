/** Certificates that others made on purpose or by mistake: read, or refused with an error of the engine's own. */
import { expect, it } from 'vitest';
import { pemToDer } from '../src/asn1/pem.ts';
import { SmimeError } from '../src/errors.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { formatName } from '../src/x509/name.ts';
import { describeCorpus } from './corpora.ts';

/** By file name what is odd, and the code it gets; whatever else stands among pyca's certificates is read. */
const refused: Readonly<Record<string, string>> = {
  'pkcs7/non-ascii-san.pem': 'malformed-asn1',
  'x509/badasn1time.pem': 'malformed-asn1',
  'x509/utf8-dnsname.pem': 'malformed-asn1',
  'x509/v1_cert.pem': 'unexpected-structure',
  'x509/custom/empty-eku.pem': 'unexpected-structure',
  'x509/custom/invalid_version.pem': 'unexpected-structure',
  // A name with a tag number above 30.
  'x509/custom/long-form-name-attribute.pem': 'malformed-asn1',
  'x509/custom/malformed-san.pem': 'malformed-asn1',
  'x509/custom/two_basic_constraints.pem': 'unexpected-structure',
};

describeCorpus('pyca-vectors', 'odd certificates', (corpus) => {
  it('are read, but for those that are no certificates of RFC 5280', () => {
    const outcomes: Record<string, string> = {};
    let read = 0;
    for (const name of corpus.everyFile().filter((file) => file.endsWith('.pem'))) {
      const label = /-----BEGIN ((?:X509 )?CERTIFICATE)-----/.exec(corpus.text(name))?.[1];
      if (label === undefined) continue;
      try {
        const certificate = parseCertificate(pemToDer(corpus.text(name), label));
        expect(formatName(certificate.subject)).not.toContain('\n');
        read += 1;
      } catch (error) {
        outcomes[name] = error instanceof SmimeError ? error.code : String(error);
      }
    }
    expect(outcomes).toEqual(refused);
    expect(read).toBeGreaterThan(90);
  });
});
