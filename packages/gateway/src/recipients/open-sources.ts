/** The sources that the configuration names, each with a memory and an end to its patience. */
import { readSecret } from '../read-secret.ts';
import { cached } from './cached.ts';
import { openHttpDirectory } from './http-directory.ts';
import { openLdapSource, orAborted } from './ldap.ts';
import type { Ranked } from './lookup.ts';
import type { RecipientsConfig } from './recipients-config.ts';
import { openSmimeaSource } from './smimea.ts';
import type { PromptSource, RecipientSource } from './source.ts';

/** @param baseDirectory what the files of secrets are relative to. @throws GatewayError `configuration` */
export function openSources(
  { source: entries, timeoutSeconds }: RecipientsConfig,
  baseDirectory: string,
  now: () => number,
): Ranked[] {
  return entries.map((entry) => {
    const patience = Math.min(entry.timeoutSeconds, timeoutSeconds) * 1000;
    return {
      source: cached(bounded(openSource(entry, baseDirectory), patience), now),
      ignoreFailures: entry.ignoreFailures,
    };
  });
}

function openSource(entry: RecipientsConfig['source'][number], baseDirectory: string): RecipientSource {
  switch (entry.kind) {
    case 'ldap':
      return openLdapSource(entry, entry.password && readSecret(entry.password, baseDirectory));
    case 'smimea':
      return openSmimeaSource(entry);
    case 'http':
      return openHttpDirectory(entry, entry.token && readSecret(entry.token, baseDirectory));
  }
}

/** Answers in time, whatever the source does. @param patience milliseconds */
export function bounded(source: RecipientSource, patience: number): PromptSource {
  return {
    ...source,
    async find(address) {
      const ends = new AbortController();
      const timer = setTimeout(() => ends.abort(), patience);
      try {
        return await orAborted(source.find(address, ends.signal), ends.signal);
      } catch {
        return { said: 'unknown', reason: `no answer within ${patience / 1000} seconds` };
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
