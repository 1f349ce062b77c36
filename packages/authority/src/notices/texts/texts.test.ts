import { fillNotice, noticeEventNames, noticeLanguages, plainHtml, sampleFacts, templateProblems } from '@chancery/api';
import { describe, expect, it } from 'vitest';
import { operations } from '../../operations.ts';
import { readers } from '../announce.ts';
import { lastDigest, nextLoud } from '../times.ts';
import { languageOf, languages } from './languages.ts';

describe('the shipped texts', () => {
  const cases = noticeLanguages.flatMap((language) => noticeEventNames.map((event) => ({ language, event })));

  it.each(cases)('$event, $language: can be used, and leave no name in braces', ({ language, event }) => {
    const template = languages[language].texts[event];
    expect(templateProblems(event, template)).toEqual([]);
    const filled = fillNotice(template, sampleFacts);
    expect(`${filled.subject}\n${filled.text}`).not.toMatch(/[{}]/);
    expect(filled.subject.length).toBeLessThan(100);
    expect(filled.text.endsWith('\n')).toBe(true);
  });

  it.each(noticeEventNames)('%s: each language says what the English says, and is another text', (event) => {
    const names = (language: (typeof noticeLanguages)[number]) => {
      const { subject, text } = languages[language].texts[event];
      return [...`${subject} ${text}`.matchAll(/\{\w+\}/g)].map(([name]) => name).filter((name) => name !== '{url}');
    };
    for (const language of noticeLanguages) expect(new Set(names(language))).toEqual(new Set(names('en')));
    expect(new Set(noticeLanguages.map((language) => languages[language].texts[event].text)).size).toBe(4);
  });
});

describe('a text that somebody writes', () => {
  it.each([
    ['certificate-revoked', '{claimLink}', 'a secret: only the mail that brings its owner a link'],
    ['welcome', '{claimLink} {signInLink}', 'a secret: only the mail'],
    ['sign-in-link', '{claimLink} {signInLink}', 'a secret: only the mail'],
    ['sign-in-link', 'Dear {name}', 'does not name {signInLink}: nobody could sign in'],
    ['recovered-keys', 'Dear {name}', 'does not name {claimLink}'],
    ['recovery-requested', '{password}', 'a secret is never placed'],
    ['certificate-revoked', '{password}', 'a secret is never placed'],
    ['certificate-revoked', '{privateKey}', 'a secret is never placed'],
    ['certificate-revoked', '{salary}', 'is not known here: {name}, '],
    ['digest', '{items} {until}', 'is not known here'],
    ['welcome', 'Dear {name}', 'does not name {claimLink}'],
    ['digest', 'Dear {name}', 'does not name {items}'],
    ['digest', ' ', 'is empty'],
  ] as const)('%s: %s is refused', (event, text, why) => {
    expect(
      templateProblems(event, { subject: 'x', text })
        .map(({ message }) => message)
        .join(),
    ).toContain(why);
  });

  it('has no secret and no second line in its subject', () => {
    const problems = templateProblems('welcome', {
      subject: '{claimLink}\nBcc: eve@evil.example',
      text: '{claimLink}',
    });
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'subject has more than one line',
      'subject names {claimLink}, a secret: it stands in the text only',
    ]);
  });

  it('is filled in once, from what is given and nothing else', () => {
    const { text } = fillNotice({ subject: 'x', text: '{name} {constructor} {by}' }, { name: '{by}', by: 'Eve' });
    expect(text).toBe('{by} {constructor} Eve');
  });

  it('is plain as HTML: nothing of a person is markup, and no address but the office is a link', () => {
    const html = plainHtml('Dear <img src=x onerror=alert(1)>,\n\nhttps://evil.example https://pki.example/me\nx', {
      language: 'en',
      ownUrl: 'https://pki.example',
    });
    expect(html).toContain('&lt;img src=x');
    expect(html.match(/<a /g)).toHaveLength(1);
    expect(html).toContain('<a href="https://pki.example/me">');
  });
});

describe('what is read of the trail', () => {
  it('are operations that there are', () => {
    const actions = new Set(operations.map(({ action }) => action));
    for (const action of Object.keys(readers)) expect(actions).toContain(action);
  });
});

describe('languages and hours', () => {
  it('takes language tags as directories have them', () => {
    expect(['de-CH', 'nn-NO', 'no', 'fr_FR', 'EN', 'it', undefined].map(languageOf)).toEqual([
      'de',
      'nb',
      'nb',
      'fr',
      'en',
      undefined,
      undefined,
    ]);
  });

  it('waits for the end of quiet hours and days, of the zone of the office', () => {
    const settings = { timeZone: 'Europe/Berlin', quiet: { from: 20, to: 7, days: [0, 6] } };
    // Friday, 3 July 2026, 21:30 in Berlin: Saturday and Sunday are quiet, Monday begins at 7.
    expect(nextLoud(settings, new Date('2026-07-03T19:30:00Z')).toISOString()).toBe('2026-07-06T05:00:00.000Z');
    const noon = new Date('2026-07-03T10:00:00Z');
    expect(nextLoud(settings, noon)).toBe(noon);
    expect(nextLoud({ ...settings, quiet: null }, new Date('2026-07-05T01:00:00Z')).getTime()).toBe(
      Date.parse('2026-07-05T01:00:00Z'),
    );
  });

  it('gathers until the hour and the day', () => {
    const settings = { timeZone: 'Europe/Berlin', digestHour: 8, digestDay: 1 };
    const at = new Date('2026-07-03T05:59:00Z');
    expect(lastDigest(settings, 'daily', at).toISOString()).toBe('2026-07-02T06:00:00.000Z');
    expect(lastDigest(settings, 'weekly', at).toISOString()).toBe('2026-06-29T06:00:00.000Z');
    expect(lastDigest(settings, 'daily', new Date('2026-07-03T06:00:00Z')).toISOString()).toBe(
      '2026-07-03T06:00:00.000Z',
    );
  });
});
