/** Thunderbird, in its own window: reads what the gateway sent, and answers; the gateway reads the answer. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrived, eventually, send, sendRaw } from '../e2e/support/mail.ts';
import { certificateOf, type ExampleOffice, openExampleOffice } from './example-office.ts';
import { missing } from './peers.ts';
import { makeProfile } from './thunderbird/profile.ts';
import { Thunderbird } from './thunderbird/thunderbird.ts';

describe.skipIf(missing('thunderbird'))('Thunderbird', () => {
  let example: ExampleOffice;
  let thunderbird: Thunderbird;
  beforeAll(async () => {
    example = await openExampleOffice();
    const { dora, office, ada, scratch } = example;
    const profile = path.join(scratch, 'profile');
    mkdirSync(profile);
    makeProfile(profile, {
      address: 'dora@example.com',
      name: 'Dora Device',
      anchors: [example.root],
      intermediates: [example.issuing],
      pkcs12: [dora.signing, dora.encryption].map(({ file }) => ({ file, password: dora.password })),
      signing: dora.signing.certificate,
      encryption: dora.encryption.certificate,
      correspondents: [await certificateOf(ada, 'anna@example.com', 'encryption')],
      smtpPort: office.outboundPort,
    });
    thunderbird = await Thunderbird.start(profile);
  });
  afterAll(async () => {
    await thunderbird?.stop();
    await example?.office.dispose();
    if (example !== undefined) rmSync(example.scratch, { recursive: true, force: true });
  });

  it('says signature SUCCESS and encryption SUCCESS of a mail that went through the gateway', async () => {
    const { office } = example;
    await send(office.outboundPort, {
      from: 'Anna Becker <anna@example.com>',
      to: 'dora@example.com',
      subject: 'For Thunderbird',
      text: 'Signed, encrypted, readable.\n',
    });
    const mail = await arrived(office.mailbox, (message) => message.includes('Subject: For Thunderbird'));
    const verdict = await thunderbird.show(mail);
    thunderbird.picture('artifacts/interop/thunderbird-reads.png');
    expect(verdict).toMatchObject({ signature: 'SUCCESS', encryption: 'SUCCESS', signer: 'Anna Becker' });
    expect(verdict.body).toContain('Signed, encrypted, readable.');
  });

  it('says that an altered signed mail is altered', async () => {
    const { office } = example;
    await send(office.outboundPort, {
      from: 'anna@example.com',
      to: 'outside@partner.example',
      subject: 'Only signed',
      text: 'Pay 100 to Bob.\n',
    });
    const mail = await arrived(office.mailbox, (message) => message.includes('Subject: Only signed'));
    expect(await thunderbird.show(mail)).toMatchObject({ signature: 'SUCCESS', encryption: null });
    const altered = mail.toString('latin1').replace('Pay 100', 'Pay 900');
    expect(await thunderbird.show(Buffer.from(altered, 'latin1'))).toMatchObject({
      signature: 'VERIFY_DIGEST_MISMATCH',
    });
  });

  it('composes a signed and encrypted answer that our gateway decrypts and verifies', async () => {
    const { office } = example;
    await thunderbird.send({
      to: 'anna@example.com',
      subject: 'Answer from Thunderbird',
      text: 'Agreed, with an ä.\n',
    });
    const sent = await arrived(office.mailbox, (message) => message.includes('Subject: Answer from Thunderbird'));
    thunderbird.picture('artifacts/interop/thunderbird-sent.png');
    expect(sent.toString('latin1')).toMatch(/enveloped-data/);
    expect(sent.toString('latin1')).not.toContain('Agreed');

    await sendRaw(office.inboundPort, 'dora@example.com', ['anna@example.com'], sent);
    const opened = await arrived(
      office.mailbox,
      (message) => message.includes('Subject: Answer from Thunderbird') && message.includes('Agreed'),
    );
    expect(opened.toString('latin1')).toMatch(/Authentication-Results:[^\r\n]*(\r\n[ \t][^\r\n]*)*smime=pass/);
    const journal = await eventually('the decision is on record', async () => {
      const { items } = await example.ada.client.journal({ query: {} });
      return items.find((one) => one.direction === 'inbound' && one.outcome === 'decrypted');
    });
    expect(journal.verdict).toBe('valid');
  });
});
