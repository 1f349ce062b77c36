/**
 * Letters: to one person, about their own keys and links. Each is written down in the transaction of the operation that it tells of,
 * once, and goes at once; an office changes its words, and nothing else about it.
 */
import { randomUUID } from 'node:crypto';
import { fillNotice, type NoticeLetter } from '@chancery/api';
import { publicUrlOf } from '../config.ts';
import { sealSecret } from '../identity/sealing.ts';
import type { Transaction } from '../store/database.ts';
import { insertNoticeEvents, preferencesOf } from '../store/notice-events.ts';
import { insertNoticesOnce } from '../store/notices.ts';
import { requireOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import type { World } from '../world.ts';
import { noticePurpose } from './queue.ts';
import { settingsInForce, templatesInForce } from './rules.ts';
import { languageOf, languages } from './texts/languages.ts';
import { writeDay } from './times.ts';
import { type Facts, oneLine, writeFacts } from './write-facts.ts';

export interface Letter {
  readonly letter: NoticeLetter;
  /** What happened, and nothing else that ever happens: the same key is written once. */
  readonly key: string;
  readonly to: { readonly id: string; readonly name: string; readonly address: string };
  readonly facts?: Facts;
  /** Lets somebody in: the text lies sealed until it is sent, and then nowhere. */
  readonly link?: { readonly claimLink: string } | { readonly signInLink: string };
  /** As the subject of an audit record. */
  readonly about?: string;
  /** Of no use to anybody after this, so not sent any more. */
  readonly expiresAt?: Date;
  /** Not sent before `releaseNotices` says so. */
  readonly withheld?: boolean;
}

/** @returns whether it was not written before */
export async function writeLetter(tx: Transaction, world: World, input: Letter): Promise<boolean> {
  const { letter, key, to, facts = {}, link, about, expiresAt, withheld = false } = input;
  const at = world.clock();
  if ((await insertNoticeEvents(tx, [{ key, event: letter }], at)).size === 0) return false;
  const { settings } = await settingsInForce(tx);
  const { organisation } = await requireOffice(tx);
  const [own] = await preferencesOf(tx, [to.id]);
  const named = languageOf((await personById(tx, to.id))?.attributes.language);
  const language = own?.language ?? named ?? settings.language;
  const id = randomUUID();
  const { subject, text } = fillNotice((await templatesInForce(tx))(letter, language), {
    name: oneLine(to.name),
    organisation: oneLine(organisation),
    url: publicUrlOf(world.config),
    date: writeDay(at, languages[language].locale, settings),
    ...writeFacts(facts, { organisation, settings }, language),
    ...link,
  });
  await insertNoticesOnce(tx, [
    {
      id,
      recipient: to.address,
      subject,
      body: link === undefined ? text : null,
      sealed_body:
        link === undefined
          ? null
          : Buffer.from(await sealSecret(world, tx, noticePurpose(id), Buffer.from(text, 'utf8'))),
      about: about ?? null,
      person_id: to.id,
      state: withheld ? 'withheld' : 'waiting',
      queued_at: at,
      expires_at: expiresAt ?? null,
      next_attempt_at: at,
      channel: 'mail',
      event: letter,
      role: 'person',
      once: `${key} mail:${to.address.toLowerCase()}`,
      language,
      digest: null,
    },
  ]);
  if (!withheld) await world.jobs.enqueue(tx, 'send-notices', {});
  return true;
}
