/** Thunderbird in its window, one start for all rows: what it shows of our messages, and what it writes itself. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { run } from '../run-program.ts';
import { makeProfile } from '../thunderbird/profile.ts';
import { Thunderbird, type ThunderbirdVerdict } from '../thunderbird/thunderbird.ts';
import { sampleOf } from './ours.ts';
import type { Outcome, Peer, Session } from './peer.ts';
import { type People, pkcs12Password } from './people.ts';
import type { EncryptRow, Row, Who } from './rows.ts';

export const thunderbird: Peer = {
  title: 'Thunderbird',
  needs: ['thunderbird'],
  version: () => /[0-9][0-9.]+/.exec(run('/usr/lib/thunderbird/thunderbird-bin', ['--version']).text)?.[0] ?? '',
  open: (people) => session(people),
};

/** Those whose keys its database takes. */
const holders: readonly Who[] = ['rsa', 'p256', 'p384', 'p521'];

async function session(people: People): Promise<Session> {
  const profile = path.join(people.folder, 'thunderbird');
  mkdirSync(profile);
  const identities = holders.map((who) => {
    const { email, certificate } = people.person(who);
    return { address: email, name: `Person ${who}`, signing: certificate, encryption: certificate };
  });
  const [first, ...further] = identities as [(typeof identities)[number], ...typeof identities];
  makeProfile(profile, {
    ...first,
    further,
    anchors: [people.root.certificate],
    intermediates: [people.issuing.certificate],
    pkcs12: holders.map((who) => ({ file: path.join(people.folder, `${who}.p12`), password: pkcs12Password })),
    correspondents: [],
    // Nothing is sent: what it writes stays in the outbox.
    smtpPort: 9,
  });
  const window = await Thunderbird.start(profile);
  // The first message it shows takes its time.
  await window.show(Buffer.from('From: <rsa@example.com>\r\nSubject: Good morning\r\n\r\nGood morning.\r\n'));

  return {
    read: async (row, { message = Buffer.alloc(0) }) => {
      // It shows no sign by which to tell.
      if (row.kind === 'compress') return undefined;
      const hoped = partsOf(row);
      const verdict = await window.show(message, ...hoped);
      // On a busy machine it may take longer to begin than we wait: what it says nothing of, it is shown once more.
      const silent = hoped.some((part) => verdict[part] === null);
      return judge(silent ? await window.show(message, ...hoped) : verdict, hoped);
    },
    write: async (row) => {
      const letter = letterFor(row);
      if (!letter) return undefined;
      const parts = partsOf(row);
      const [signed, encrypted] = [parts.includes('signature'), parts.includes('encryption')];
      const text = 'The Chancery sends grüße.\n';
      return sampleOf(await window.queue({ ...letter, subject: row.id, text, signed, encrypted }));
    },
    close: () => window.stop(),
  };
}

const partsOf = (row: Row): ('signature' | 'encryption')[] =>
  row.kind === 'sign' ? ['signature'] : row.kind === 'encrypt' ? ['encryption'] : ['signature', 'encryption'];

function judge(verdict: ThunderbirdVerdict, hoped: readonly ('signature' | 'encryption')[]): Outcome {
  const failed = hoped.find((part) => verdict[part] !== 'SUCCESS');
  if (failed) return { ok: false, says: verdict[failed] ?? `no ${failed}` };
  return verdict.body.includes('The Chancery sends grüße.') ? { ok: true } : { ok: false, says: 'another text' };
}

/**
 * From whom and to whom, where Thunderbird chooses the row's algorithms: it goes by the certificates, and by what it has
 * learnt from the messages it has shown (AES-256 here, and with that SHA-384 in key agreement).
 */
function letterFor(row: Row): { from: string; to: string } | undefined {
  if (row.kind === 'compress') return undefined;
  const signature = row.kind === 'both' ? row.sign : row.kind === 'sign' ? row : undefined;
  if (signature) {
    const [one] = signature.signers;
    if (signature.signers.length > 1 || signature.form !== 'clear' || one?.padding || one?.hash !== 'sha256')
      return undefined;
    if (!holders.includes(one.who)) return undefined;
    if (row.kind === 'sign') return { from: addressOf(one.who), to: addressOf('rsa') };
  }
  const { to, cipher } = row.kind === 'both' ? row.encrypt : (row as EncryptRow);
  const [one] = to;
  if (to.length > 1 || cipher !== 'aes-256-cbc' || !one || !('who' in one) || !holders.includes(one.who))
    return undefined;
  if (one.by === 'oaep' || (one.by === 'pkcs1' && one.named) || (one.by === 'ecdh' && one.hash !== 'sha384'))
    return undefined;
  return { from: addressOf(one.who), to: addressOf(one.who) };
}

const addressOf = (who: Who): string => `${who}@example.com`;
