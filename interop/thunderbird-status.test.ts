/** Thunderbird, in its own window, reads signed mail and asks our OCSP responder about whoever signed it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { localSigner, parseCertificate, signMessage } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from './peers.ts';
import { openStatusOffice, type Standing, type StatusOffice } from './status-office.ts';
import { makeProfile } from './thunderbird/profile.ts';
import { Thunderbird } from './thunderbird/thunderbird.ts';

describe.skipIf(missing('thunderbird'))('Thunderbird, about status', () => {
  let office: StatusOffice;
  let thunderbird: Thunderbird;
  beforeAll(async () => {
    office = await openStatusOffice();
    const profile = office.file('profile');
    mkdirSync(profile);
    const { good } = office.certificates;
    makeProfile(profile, {
      address: 'reader@example.com',
      name: 'Reader',
      anchors: [parseCertificate(readFileSync(office.file('root.der')))],
      intermediates: [office.issuing],
      pkcs12: [],
      signing: good,
      encryption: good,
      correspondents: [],
      smtpPort: 1,
      asksOcsp: true,
    });
    thunderbird = await Thunderbird.start(profile);
  }, 180_000);
  afterAll(async () => {
    await thunderbird?.stop();
    await office?.close();
  });

  const mailBy = async (standing: Standing): Promise<Uint8Array> => {
    const certificate = office.certificates[standing];
    const [address] = certificate.subjectAltNames.emails;
    const head = `From: ${address}\r\nTo: reader@example.com\r\nSubject: ${standing}\r\nDate: ${new Date().toUTCString()}`;
    return signMessage({
      message: Buffer.from(`${head}\r\n\r\nHello.\r\n`),
      signers: [{ signer: localSigner(office.keys[standing]), certificate }],
    });
  };
  const answered = async () => {
    const answer = await fetch(`${office.url}/health`);
    const { answersPerMinute } = (await answer.json()) as { answersPerMinute: { kept: number; signed: number } };
    return answersPerMinute.kept + answersPerMinute.signed;
  };

  it('asks our responder, believes the good and refuses the revoked', async () => {
    const verdicts = [];
    for (const standing of ['good', 'revoked', 'held', 'late'] as const) {
      const before = await answered();
      const { signature } = await thunderbird.show(await mailBy(standing));
      verdicts.push([standing, signature, (await answered()) > before]);
    }
    thunderbird.picture('artifacts/interop/thunderbird-refuses-revoked.png');
    expect(verdicts).toEqual([
      ['good', 'SUCCESS', true],
      ['revoked', 'VERIFY_UNTRUSTED', true],
      ['held', 'VERIFY_UNTRUSTED', true],
      ['late', 'VERIFY_UNTRUSTED', true],
    ]);
  });
});
