/** What a language of notices has: a text for every event, and the words that are filled into them. */
import type {
  HelpRequest,
  NoticeEvent,
  NoticeLetter,
  NoticeText,
  RevocationReason,
  recoveryReasons,
} from '@chancery/api';

export interface Language {
  /** For dates: BCP 47. */
  readonly locale: string;
  readonly uses: Readonly<Record<'signing' | 'encryption' | 'every', string>>;
  readonly reasons: Readonly<Record<RevocationReason, string>>;
  readonly topics: Readonly<Record<HelpRequest['topic'], string>>;
  readonly namelessDevice: string;
  readonly recoveryReasons: LetterWords['recoveryReasons'];
  readonly deliveries: LetterWords['deliveries'];
  readonly passkeyChanges: LetterWords['passkeyChanges'];
  readonly texts: Readonly<Record<NoticeEvent, NoticeText>>;
}

/** What letters need of a language; they lie in a file of their own. */
export interface LetterWords {
  readonly recoveryReasons: Readonly<Record<(typeof recoveryReasons)[number], string>>;
  /** What stands before the recipient, where there is one. */
  readonly deliveries: Readonly<Record<'certificate' | 'pkcs12' | 'owner' | 'decrypt', string>>;
  readonly passkeyChanges: Readonly<Record<'added' | 'added-opening' | 'removed', string>>;
  readonly texts: Readonly<Record<NoticeLetter, NoticeText>>;
}

/** Paragraphs of a plain letter. */
export const letter = (...paragraphs: string[]): string => `${paragraphs.join('\n\n')}\n`;
