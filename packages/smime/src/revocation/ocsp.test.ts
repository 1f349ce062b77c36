import { describe, expect, it } from 'vitest';
import { describeCorpus } from '../../test/corpora.ts';
import { issue, issueCrl, now, type Party } from '../../test/test-authority.ts';
import { encodeNull } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { ocspNoCheck } from '../x509/extensions.ts';
import { checkRevocation } from './check.ts';
import {
  buildOcspRequest,
  buildOcspResponse,
  certIdFor,
  certIdMatches,
  type OcspCertificateStatus,
  type OcspResponse,
  ocspErrorResponse,
  parseOcspRequest,
  parseOcspResponse,
} from './ocsp.ts';
import { verifyOcspResponse } from './verify-ocsp.ts';

const ca = await issue({ name: 'OCSP CA' });
const person = await issue({ email: 'a@example.com' }, ca);
const delegate = await issue({ name: 'Responder', purposes: [oids.ocspSigning], extensions: [ocspNoCheck()] }, ca);
const hour = 3_600_000;
const later = new Date(now.getTime() + hour);
const nonce = Buffer.from('0123456789abcdef');

async function answer(
  by: Party,
  status: OcspCertificateStatus,
  options: { nextUpdate?: Date | undefined; nonce?: Uint8Array } = {},
): Promise<OcspResponse> {
  return parseOcspResponse(
    await buildOcspResponse({
      signer: by.signer,
      ...(by !== ca && { responderCertificate: by.certificate }),
      responses: [
        {
          certId: certIdFor(person.certificate.serialNumber, ca.certificate),
          status,
          thisUpdate: new Date(now.getTime() - hour),
          ...('nextUpdate' in options
            ? options.nextUpdate && { nextUpdate: options.nextUpdate }
            : { nextUpdate: later }),
        },
      ],
      producedAt: new Date(now.getTime() - hour),
      ...(options.nonce && { nonce: options.nonce }),
    }),
  );
}

describe('OCSP requests', () => {
  it('name the certificate by SHA-1 or SHA-256', () => {
    for (const hash of ['sha1', 'sha256'] as const) {
      const request = parseOcspRequest(
        buildOcspRequest({ cert: person.certificate, issuer: ca.certificate, nonce, hash }),
      );
      expect(request.requests.length).toBe(1);
      expect(request.requests[0]).toMatchObject({ hash, serialNumber: person.certificate.serialNumber });
      expect(Buffer.from(request.nonce ?? [])).toEqual(nonce);
      const [certId] = request.requests;
      expect(certId && certIdMatches(certId, ca.certificate)).toBe(true);
      expect(certId && certIdMatches(certId, person.certificate)).toBe(false);
    }
  });

  it('are refused with a nonce longer than RFC 9654 allows, and for every prefix', () => {
    const long = buildOcspRequest({ cert: person.certificate, issuer: ca.certificate, nonce: Buffer.alloc(129) });
    expect(() => parseOcspRequest(long)).toThrow(SmimeError);
    const der = buildOcspRequest({ cert: person.certificate, issuer: ca.certificate, nonce });
    for (let length = 0; length < der.length; length++)
      expect(() => parseOcspRequest(der.subarray(0, length))).toThrow(SmimeError);
  });
});

describe('OCSP responses', () => {
  it('are believed from the CA and from its delegate', async () => {
    for (const by of [ca, delegate]) {
      const response = await answer(by, 'good', { nonce });
      const verdict = verifyOcspResponse({ response, issuer: ca.certificate, at: now, nonce });
      expect(verdict).toMatchObject({ valid: true, problems: [] });
      expect(verdict.responder?.serialNumber).toBe(by.certificate.serialNumber);
      expect(checkRevocation(person.certificate, ca.certificate, { ocsp: [response], at: now })).toMatchObject({
        status: 'good',
        source: 'ocsp',
      });
    }
  });

  it('carry the revocation with its reason', async () => {
    const revokedAt = new Date('2026-05-01T00:00:00Z');
    const response = await answer(delegate, { revokedAt, reason: 'keyCompromise' });
    expect(checkRevocation(person.certificate, ca.certificate, { ocsp: [response], at: now })).toMatchObject({
      status: 'revoked',
      revokedAt,
      reason: 'keyCompromise',
    });
  });

  it('are not believed from anybody else', async () => {
    const stranger = await issue({ name: 'Stranger CA' });
    const foreignDelegate = await issue({ name: 'Responder', purposes: [oids.ocspSigning] }, stranger);
    const plain = await issue({ name: 'Colleague', purposes: [oids.emailProtection] }, ca);
    const expired = await issue(
      { name: 'Old', purposes: [oids.ocspSigning], notAfter: new Date(now.getTime() - hour) },
      ca,
    );
    const mute = await issue({ name: 'Mute', purposes: [oids.ocspSigning], usage: ['keyAgreement'] }, ca);
    const strange = await issue(
      {
        name: 'Strange',
        purposes: [oids.ocspSigning],
        extensions: [{ id: '1.2.3.4', critical: true, value: encodeNull }],
      },
      ca,
    );
    for (const [by, code] of [
      [stranger, 'ocsp-foreign-responder'],
      [mute, 'ocsp-responder-key-usage'],
      [strange, 'ocsp-responder-unknown-extension'],
      [foreignDelegate, 'ocsp-foreign-responder'],
      [plain, 'ocsp-responder-not-authorised'],
      [expired, 'ocsp-responder-expired'],
    ] as const) {
      const response = await answer(by, 'good');
      expect(
        verifyOcspResponse({ response, issuer: ca.certificate, at: now }).problems.map((found) => found.code),
      ).toEqual([code]);
      expect(checkRevocation(person.certificate, ca.certificate, { ocsp: [response], at: now }).status).toBe('unknown');
    }
  });

  it('are not believed from a delegate that was revoked, unless it is exempt', async () => {
    const accountable = await issue({ name: 'Accountable', purposes: [oids.ocspSigning] }, ca);
    for (const [by, status] of [
      [accountable, 'unknown'],
      [delegate, 'good'],
    ] as const) {
      const crl = await issueCrl(ca, [{ serialNumber: by.certificate.serialNumber, revokedAt: now }], {
        // Out of date, so that it does not itself say that the person's certificate is good.
        nextUpdate: new Date(now.getTime() - hour),
      });
      const report = checkRevocation(person.certificate, ca.certificate, {
        ocsp: [await answer(by, 'good')],
        crls: [crl],
        at: now,
      });
      expect(report.status).toBe(status);
      if (status === 'unknown') expect(report.problems.map(({ code }) => code)).toContain('ocsp-responder-revoked');
    }
  });

  it('are not believed once altered', async () => {
    const response = await answer(ca, 'good');
    const altered = Buffer.from(response.der);
    const at = altered.indexOf(Buffer.from(person.certificate.serialNumber, 'hex'));
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(
      verifyOcspResponse({ response: parseOcspResponse(altered), issuer: ca.certificate, at: now }).problems[0]?.code,
    ).toBe('ocsp-bad-signature');
  });

  it('say good only while they are current, and answer the nonce that was sent', async () => {
    const stale = await answer(ca, 'good', { nextUpdate: new Date(now.getTime() - 1000) });
    expect(checkRevocation(person.certificate, ca.certificate, { ocsp: [stale], at: now }).status).toBe('unknown');
    const revoked = await answer(ca, { revokedAt: now }, { nextUpdate: new Date(now.getTime() - 1000) });
    expect(checkRevocation(person.certificate, ca.certificate, { ocsp: [stale, revoked], at: now }).status).toBe(
      'revoked',
    );
    // Without a next update an answer would be good for ever.
    const open = await answer(ca, 'good', { nextUpdate: undefined });
    for (const [days, status] of [
      [6, 'good'],
      [8, 'unknown'],
    ] as const) {
      const at = new Date(now.getTime() + days * 24 * hour);
      expect(checkRevocation(person.certificate, ca.certificate, { ocsp: [open], at }).status).toBe(status);
    }
    const other = await answer(ca, 'good', { nonce: Buffer.from('other') });
    expect(
      verifyOcspResponse({ response: other, issuer: ca.certificate, at: now, nonce }).problems.map(({ code }) => code),
    ).toEqual(['ocsp-wrong-nonce']);
    const none = await answer(ca, 'good');
    expect(verifyOcspResponse({ response: none, issuer: ca.certificate, at: now, nonce })).toMatchObject({
      valid: true,
      problems: [{ code: 'ocsp-no-nonce', severity: 'warning' }],
    });
  });

  it('know unknown, and errors without content', async () => {
    expect(
      checkRevocation(person.certificate, ca.certificate, { ocsp: [await answer(ca, 'unknown')], at: now }).status,
    ).toBe('unknown');
    const error = parseOcspResponse(ocspErrorResponse('tryLater'));
    expect(error).toMatchObject({ status: 'tryLater', basic: undefined });
    expect(verifyOcspResponse({ response: error, issuer: ca.certificate, at: now }).valid).toBe(false);
  });

  it('say since when they know, without harm to who does not read it', async () => {
    const archiveCutoff = new Date('2020-02-03T04:05:06Z');
    const certId = certIdFor(person.certificate.serialNumber, ca.certificate);
    const der = await buildOcspResponse({
      signer: ca.signer,
      responses: [{ certId, status: 'good', thisUpdate: now, nextUpdate: later, archiveCutoff }],
      producedAt: now,
    });
    // id-pkix-ocsp-archive-cutoff and its GeneralizedTime in an OCTET STRING.
    expect(Buffer.from(der).toString('hex')).toContain(
      `06092b06010505073001060411180f${Buffer.from('20200203040506Z').toString('hex')}`,
    );
    const response = parseOcspResponse(der);
    expect(response.basic?.unknownCritical).toEqual([]);
    expect(checkRevocation(person.certificate, ca.certificate, { ocsp: [response], at: now }).status).toBe('good');
  });

  it('throw SmimeError for every prefix', async () => {
    const { der } = await answer(delegate, { revokedAt: now, reason: 'superseded' }, { nonce });
    for (let length = 0; length < der.length; length++)
      expect(() => parseOcspResponse(der.subarray(0, length))).toThrow(SmimeError);
  });
});

describeCorpus('pyca-vectors', 'OCSP messages that others made', (corpus) => {
  it('are read or refused with SmimeError', () => {
    const outcomes = new Map<string, string>();
    for (const name of corpus.names('x509/ocsp', /\.der$/)) {
      try {
        if (/req/.test(name)) parseOcspRequest(corpus.bytes(name));
        else parseOcspResponse(corpus.bytes(name));
        outcomes.set(name, 'read');
      } catch (error) {
        outcomes.set(name, error instanceof SmimeError ? error.code : 'crash');
      }
    }
    expect(
      [...outcomes]
        .filter(([, outcome]) => outcome !== 'read')
        .map(([name, outcome]) => `${name.split('/').pop()} ${outcome}`),
    ).toEqual([
      'req-duplicate-ext.der unexpected-structure',
      'resp-response-type-unknown-oid.der unsupported',
      'resp-successful-no-response-bytes.der unexpected-structure',
      'resp-unknown-response-status.der unexpected-structure',
    ]);
    expect(outcomes.size).toBeGreaterThan(20);
  });
});
