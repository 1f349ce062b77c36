/**
 * Two companies, each with an office and a gateway of its own, and mail between them. Their people write in Thunderbird as ever, and from the first
 * signed mail on it is encrypted. What anybody did for it: each administrator trusts the other company's root.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrived, eventually } from '../e2e/support/mail.ts';
import { freePort } from '../e2e/support/office-process.ts';
import { Company } from './company.ts';
import { certificateOf } from './example-office.ts';
import { missing } from './peers.ts';
import { TextRecords } from './unbound.ts';
import { WireTap } from './wire-tap.ts';

describe.skipIf(missing('thunderbird') || missing('unbound'))('two companies', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'two-companies-'));
  let alpha: Company;
  let beta: Company;
  let records: TextRecords | undefined;
  /** What goes from one to the other, before it gets there. */
  let fromAlpha: WireTap;
  let fromBeta: WireTap;

  beforeAll(async () => {
    const dns = await freePort();
    fromAlpha = await WireTap.open(() => beta.office.inboundPort);
    fromBeta = await WireTap.open(() => alpha.office.inboundPort);
    alpha = await Company.prepare({
      ...{ domain: 'alpha.example', clerk: 'Anna Becker', director: 'Dora Device' },
      ...{ nextServer: fromAlpha.port, dns },
    });
    beta = await Company.prepare({
      ...{ domain: 'beta.example', clerk: 'Ben Carter', director: 'Emil Engel' },
      ...{ nextServer: fromBeta.port, dns },
    });
    records = new TextRecords(folder, dns);
    await records.start(new Map([...alpha.records, ...beta.records]));
    await Promise.all([alpha.found(), beta.found()]);
    await Promise.all([alpha.open(beta), beta.open(alpha)]);
  }, 180_000);
  afterAll(async () => {
    await Promise.all([alpha?.close(), beta?.close()]);
    await records?.stop();
    await Promise.all([fromAlpha?.close(), fromBeta?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const plain = { signed: false, encrypted: false };
  const withSubject = (company: Company, subject: string) =>
    arrived(company.office.mailbox, (message) => message.includes(`Subject: ${subject}\r\n`));
  /** Labels that the gateway put there, unfolded. */
  const verdictOf = (mail: Buffer) =>
    /^Authentication-Results: .*(?:\r\n[ \t].*)*/m.exec(mail.toString('latin1'))?.[0].replace(/\r\n[ \t]+/g, ' ') ?? '';
  const correspondents = async (company: Company) =>
    (await company.ada.client.correspondents({ query: {} })).items.map(({ address, certificates }) => ({
      address,
      certificate: certificates.find(({ state }) => state === 'pinned')?.certificate,
    }));
  const encryptionCertificate = async (company: Company, address: string) =>
    Buffer.from((await certificateOf(company.ada, address, 'encryption')).der).toString('base64');

  it('Anna writes to Ben in plain: it goes out signed, and Ben’s gateway keeps her certificate', async () => {
    expect([await correspondents(alpha), await correspondents(beta)]).toEqual([[], []]);
    await alpha.thunderbird.send({ to: beta.clerk.address, subject: 'Offer', text: 'A hundred chairs.\n', ...plain });
    const mail = await withSubject(beta, '[verified] Offer');
    const wire = fromAlpha.take();
    expect(wire).toMatch(/^Content-Type: multipart\/signed/m);
    expect(wire).toMatch(/^DKIM-Signature: /m);
    expect(wire).toContain('A hundred chairs.');
    expect(verdictOf(mail)).toMatch(/dmarc=pass/);
    expect(verdictOf(mail)).toMatch(/smime=pass/);
    const shown = await beta.thunderbird.show(mail, 'signature');
    expect(shown).toMatchObject({ signature: 'SUCCESS', signer: alpha.clerk.name, subject: '[verified] Offer' });
    expect(shown.body).toContain('A hundred chairs.');
    const known = await eventually('the office of Ben is told', async () => {
      const found = await correspondents(beta);
      return found.length > 0 ? found : undefined;
    });
    const { address } = alpha.clerk;
    expect(known).toEqual([{ address, certificate: await encryptionCertificate(alpha, address) }]);
  });

  it('Ben answers in plain: it is encrypted to Anna by itself, and her Thunderbird shows it open and signed', async () => {
    const text = 'Ninety, at the old price.\n';
    await beta.thunderbird.send({ to: alpha.clerk.address, subject: 'Answer', text, ...plain });
    const mail = await withSubject(alpha, '[verified] Answer');
    const wire = fromBeta.take();
    expect(wire).toMatch(/smime-type="?enveloped-data/);
    expect(wire).not.toContain('Ninety');
    expect(wire).not.toMatch(/multipart\/signed/);
    expect(verdictOf(mail)).toMatch(/smime=pass/);
    const shown = await alpha.thunderbird.show(mail, 'signature');
    expect(shown).toMatchObject({ signature: 'SUCCESS', signer: beta.clerk.name, subject: '[verified] Answer' });
    expect(shown.body).toContain('Ninety, at the old price.');
    const record = await eventually('the journal has it', async () => {
      const { items } = await alpha.ada.client.journal({ query: {} });
      return items.find(({ direction }) => direction === 'inbound');
    });
    expect(record).toMatchObject({ outcome: 'decrypted', verdict: 'valid', recipient: alpha.clerk.address });
  });

  it('and from then on both ways', async () => {
    await alpha.thunderbird.send({ to: beta.clerk.address, subject: 'Deal', text: 'Agreed: ninety.\n', ...plain });
    const mail = await withSubject(beta, '[verified] Deal');
    const wire = fromAlpha.take();
    expect(wire).toMatch(/smime-type="?enveloped-data/);
    expect(wire).not.toContain('Agreed');
    expect(wire).not.toMatch(/multipart\/signed/);
    const shown = await beta.thunderbird.show(mail, 'signature');
    beta.thunderbird.picture('artifacts/interop/two-companies.png');
    expect(shown).toMatchObject({ signature: 'SUCCESS', signer: alpha.clerk.name });
    expect(shown.body).toContain('Agreed: ninety.');
    const [anna] = await correspondents(alpha);
    const { address } = beta.clerk;
    expect(anna).toEqual({ address, certificate: await encryptionCertificate(beta, address) });
  });

  it('Dora and Emil sign and encrypt in their own Thunderbirds, and the gateways let it pass as it is', async () => {
    const from = alpha.director.address;
    await alpha.thunderbird.send({
      ...{ from, to: beta.director.address, subject: 'In confidence', text: 'We should talk.\n' },
      encrypted: false,
    });
    const first = await withSubject(beta, '[verified] In confidence');
    expect(fromAlpha.take()).toMatch(/^Content-Type: multipart\/signed/m);
    expect(verdictOf(first)).toMatch(/smime=pass/);
    // Showing it is how Emil's Thunderbird learns Dora's certificate.
    const shown = await beta.thunderbird.show(first, 'signature');
    expect(shown).toMatchObject({ signature: 'SUCCESS', signer: alpha.director.name });

    const { address } = beta.director;
    await beta.thunderbird.send({ from: address, to: from, subject: 'Between us', text: 'On Friday, at my place.\n' });
    const second = await withSubject(alpha, 'Between us');
    expect(fromBeta.take()).not.toContain('On Friday');
    // Not the gateway's to open: what arrives is what left.
    expect(second.toString('latin1')).toMatch(/smime-type="?enveloped-data/);
    const opened = await alpha.thunderbird.show(second, 'signature', 'encryption');
    alpha.thunderbird.picture('artifacts/interop/two-companies-own-keys.png');
    expect(opened).toMatchObject({ signature: 'SUCCESS', encryption: 'SUCCESS', signer: beta.director.name });
    expect(opened.body).toContain('On Friday, at my place.');
  });
});
