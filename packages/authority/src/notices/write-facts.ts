/** What is filled into the texts of notices, in the words of a language. */
import type { NoticeLanguage, NoticeSettings } from '@chancery/api';
import type { Language } from './texts/language.ts';
import { languages } from './texts/languages.ts';
import { writeDay } from './times.ts';

export type Facts = Readonly<Record<string, string | Date>>;

/** Instants become days of the office's time zone; what the house has names for is called by the language's. */
export function writeFacts(
  facts: Facts,
  office: { readonly organisation: string; readonly settings: Pick<NoticeSettings, 'timeZone'> },
  language: NoticeLanguage,
): Record<string, string> {
  const words = languages[language];
  const write = (fact: string, value: string | Date): string => {
    if (value instanceof Date) return writeDay(value, words.locale, office.settings);
    if (fact === 'delivery') return deliveryOf(words, value);
    if (fact === 'device' && value === '') return words.namelessDevice;
    if (fact === 'by' && value === '') return oneLine(office.organisation);
    const names = namesOf(words, fact);
    return Object.hasOwn(names, value) ? (names[value] ?? value) : oneParagraph(value);
  };
  return Object.fromEntries(Object.entries(facts).map(([fact, value]) => [fact, write(fact, value)]));
}

/** What others have written cannot make itself a line of its own. */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();

const oneParagraph = (text: string): string => text.replace(/[^\P{Cc}\n]+/gu, ' ').slice(0, 20_000);

/** What the language calls the values of a fact. */
function namesOf(words: Language, fact: string): Readonly<Record<string, string>> {
  switch (fact) {
    case 'use':
      return words.uses;
    case 'reason':
      return { ...words.reasons, ...words.recoveryReasons };
    case 'topic':
      return words.topics;
    case 'change':
      return words.passkeyChanges;
    default:
      return {};
  }
}

/** A kind, and for one of them to whom. */
function deliveryOf({ deliveries }: Language, value: string): string {
  const [kind = '', ...rest] = value.split(' ');
  const way = Object.hasOwn(deliveries, kind) ? deliveries[kind as keyof typeof deliveries] : kind;
  return oneLine([way, ...rest].join(' '));
}
