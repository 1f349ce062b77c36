/** What a language of notices has: a text for every event, and the words that are filled into them. */
import type { HelpRequest, NoticeEvent, NoticeText, RevocationReason } from '@chancery/api';

export interface Language {
  /** For dates: BCP 47. */
  readonly locale: string;
  readonly uses: Readonly<Record<'signing' | 'encryption' | 'every', string>>;
  readonly reasons: Readonly<Record<RevocationReason, string>>;
  readonly topics: Readonly<Record<HelpRequest['topic'], string>>;
  readonly namelessDevice: string;
  readonly texts: Readonly<Record<NoticeEvent, NoticeText>>;
}

/** Paragraphs of a plain letter. */
export const letter = (...paragraphs: string[]): string => `${paragraphs.join('\n\n')}\n`;
