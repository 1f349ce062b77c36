/** A few mails through the running gateway, of every kind that the overview counts. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { RunningGateway } from '@chancery/gateway';
import { createTransport } from 'nodemailer';

const OUTBOUND = [
  {
    from: 'Anna Becker <anna.becker@example.com>',
    to: 'ben.carter@example.com',
    subject: 'Minutes of Tuesday',
    text: 'Dear Ben,\n\nthe minutes are below.\n\nAnna\n',
  },
  {
    from: 'Ben Carter <ben.carter@example.com>',
    to: 'anna.becker@example.com, emma.fischer@example.com',
    subject: 'Re: Minutes of Tuesday',
    text: 'Thank you, Anna. Two corrections tomorrow.\n',
  },
  {
    from: 'Chloé Dubois <chloe.dubois@example.com>',
    to: 'grace.hughes@example.com',
    subject: 'Contrat révisé',
    text: 'Chère Grace,\n\nvoici le contrat révisé.\n\nChloé\n',
  },
  {
    from: 'Lena Moreau <lena.moreau@example.com>',
    to: 'ivan.jovic@example.com',
    subject: 'Salary review',
    text: 'Confidential: the figures for your team are ready.\n',
  },
  {
    from: 'Anna Becker <anna.becker@example.com>',
    to: 'supplier@partner.example',
    subject: 'Order 4711',
    text: 'Please deliver to the side entrance.\n',
  },
];
/** No certificate, and the rule says that it must be encrypted: the gateway refuses it, and says why. */
const REFUSED = {
  from: 'Lena Moreau <lena.moreau@example.com>',
  to: 'counsel@law.example',
  subject: 'Draft settlement',
  text: 'For your eyes only.\n',
};
const INBOUND = {
  from: 'Supplier <supplier@partner.example>',
  to: 'anna.becker@example.com',
  subject: 'Re: Order 4711',
  text: 'It will be there on Friday.\n',
};

export async function sendExampleMail(gateway: RunningGateway, mailbox: string): Promise<void> {
  const outbound = createTransport({ host: '127.0.0.1', port: gateway.outboundPort, ignoreTLS: true });
  const inbound = createTransport({ host: '127.0.0.1', port: gateway.inboundPort, ignoreTLS: true });
  for (const mail of OUTBOUND) await outbound.sendMail(mail);
  const refusal = await outbound.sendMail(REFUSED).then(
    () => undefined,
    (error: Error) => error,
  );
  if (refusal === undefined) throw new Error('The gateway let a mail through that its rule should have refused.');
  await inbound.sendMail(INBOUND);

  // What left is what arrives next door: Anna's encrypted mail to Ben comes in again, is decrypted and verified.
  const arrived = await firstEncrypted(mailbox);
  await inbound.sendMail({
    envelope: { from: 'anna.becker@example.com', to: ['ben.carter@example.com'] },
    raw: arrived,
  });
  outbound.close();
  inbound.close();
}

async function firstEncrypted(mailbox: string): Promise<Buffer> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    for (const name of readdirSync(mailbox).filter((one) => one.endsWith('.eml'))) {
      const bytes = readFileSync(path.join(mailbox, name));
      if (/^To: ben\.carter/m.test(bytes.toString('latin1')) && /enveloped-data/i.test(bytes.toString('latin1')))
        return bytes;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`The gateway delivered no encrypted mail to ${mailbox} within 20 s.`);
}
