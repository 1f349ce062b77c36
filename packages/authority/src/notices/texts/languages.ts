/** The languages of notices. */
import type { NoticeLanguage } from '@chancery/api';
import { german } from './de.ts';
import { english } from './en.ts';
import { french } from './fr.ts';
import type { Language } from './language.ts';
import { norwegian } from './nb.ts';

export const languages: Readonly<Record<NoticeLanguage, Language>> = {
  en: english,
  de: german,
  fr: french,
  nb: norwegian,
};

/** Of a language tag, as a directory has it (BCP 47); undefined where there are no texts in it. */
export function languageOf(tag: string | null | undefined): NoticeLanguage | undefined {
  const primary = tag?.toLowerCase().split(/[-_]/)[0];
  // Bokmål is what is written for all three.
  if (primary === 'no' || primary === 'nn' || primary === 'nb') return 'nb';
  return primary === 'en' || primary === 'de' || primary === 'fr' ? primary : undefined;
}
