/** The form of a new request, and what is sent of it. */
import { type Handover, type PersonDetail, type Routes, routes } from '@chancery/api';
import type { z } from 'zod';
import type { recoveryReasons } from '../words.ts';

export const emptyRequest = {
  /** The first is always there; empty until somebody is chosen. */
  personIds: [''],
  scope: 'all' as 'all' | 'keys' | 'period',
  escrowedKeyIds: [] as string[],
  /** Days, `2026-11-24`. */
  from: '',
  until: '',
  reason: 'lost-device' as keyof typeof recoveryReasons,
  caseNumber: '',
  explanation: '',
  kind: 'pkcs12' as 'pkcs12' | 'certificate' | 'owner' | 'decrypt',
  profile: 'modern' as 'modern' | 'compat',
  certificate: '',
  messages: [] as { sha256: string; name: string }[],
  expiresInHours: 72,
  /** As a field of the browser has it: `2026-11-24T10:00`, in local time; empty for none. */
  notBefore: '',
  withholdNotice: false,
};
export type NewRequest = typeof emptyRequest;

/** For the manager of somebody who has left: to be looked through and sent by whoever may ask. */
export function forManager(
  { name }: Pick<PersonDetail, 'name'>,
  { manager, certificate, leftAt }: Handover,
): Partial<NewRequest> {
  if (manager === null) return {};
  const since = leftAt === null ? 'has left' : `left on ${leftAt.slice(0, 10)}`;
  return {
    reason: 'departed-employee',
    explanation: `${name} ${since}. ${manager.name} <${manager.address}>, their manager, takes over their work and needs to read their mail of before.`,
    ...(certificate !== null && { kind: 'certificate', certificate }),
  };
}

export const mayWithhold = (reason: NewRequest['reason']): boolean =>
  reason === 'legal-hold' || reason === 'investigation';

/** Why a field cannot be sent, by its name. */
export function problemsOf(values: NewRequest): Partial<Record<keyof NewRequest, string>> {
  const problems: Partial<Record<keyof NewRequest, string>> = {};
  if (chosen(values).length === 0) problems.personIds = 'Whose key?';
  if (values.explanation.trim() === '') problems.explanation = 'The officers decide by what you write here';
  if (values.scope === 'period' && (values.from === '' || values.until === '' || values.from > values.until)) {
    problems.until = 'From when until when?';
  }
  if (values.kind === 'certificate' && values.certificate.trim() === '') {
    problems.certificate = 'Paste the certificate of whoever may read it';
  }
  if (values.kind === 'decrypt' && values.messages.length === 0) problems.messages = 'Which messages?';
  return problems;
}

type Body = z.input<Routes['requestRecovery']['body']>;

export function bodyOf(values: NewRequest): Body {
  const [only, ...more] = chosen(values);
  const { scope, from, until, notBefore } = values;
  return {
    ...(more.length === 0 ? { personId: only } : { personIds: chosen(values) }),
    ...(scope === 'keys' && more.length === 0 && { escrowedKeyIds: values.escrowedKeyIds }),
    // Whole days, as the organisation reads them.
    ...(scope === 'period' && { period: { from: `${from}T00:00:00Z`, until: `${until}T23:59:59Z` } }),
    reason: values.reason,
    caseNumber: values.caseNumber,
    explanation: values.explanation,
    delivery: deliveryOf(values),
    expiresInHours: values.expiresInHours,
    ...(notBefore !== '' && { notBefore: new Date(notBefore).toISOString() }),
    withholdNotice: values.withholdNotice && mayWithhold(values.reason),
  };
}

/** What can be shown before everything is filled in; null while too little is. */
export function previewOf(values: NewRequest): Body | null {
  const { explanation: _, ...problems } = problemsOf(values);
  if (Object.keys(problems).length > 0) return null;
  const body = { ...bodyOf(values), explanation: values.explanation.trim() || 'not written yet' };
  return routes.previewRecovery.body.safeParse(body).success ? body : null;
}

const chosen = ({ personIds }: NewRequest): string[] => [...new Set(personIds.filter((id) => id !== ''))];

function deliveryOf({ kind, profile, certificate, messages }: NewRequest): Body['delivery'] {
  switch (kind) {
    case 'pkcs12':
      return { kind, profile };
    case 'certificate':
      return { kind, certificate: certificate.trim() };
    case 'owner':
      return { kind };
    case 'decrypt':
      return { kind, messages };
  }
}
