/** The document under somebody's hands: what is wrong with it, and what it would alter, asked of the office as they type. */
import { ProfileDocument, profileProblems } from '@chancery/api';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api } from '../api.ts';

export type Update = (change: Partial<ProfileDocument>) => void;

/** @param id the profile that the document becomes a version of, or the name of a new one */
export function useDraft(id: string, original: ProfileDocument) {
  const [draft, setDraft] = useState(original);
  const [personId, setPersonId] = useState('');
  const shape = useMemo(() => ProfileDocument.safeParse(draft), [draft]);
  const problems = useMemo(
    () =>
      shape.success
        ? profileProblems(shape.data)
        : shape.error.issues.map(({ path, message }) => ({ path: path.join('.'), message: `It ${message}.` })),
    [shape],
  );
  const [asked] = useDebouncedValue(shape.success ? shape.data : undefined, 350);
  const comparison = useQuery({
    queryKey: ['profiles', 'comparison', id, personId, asked],
    queryFn: () =>
      api.compareProfile({
        params: { id },
        body: { document: asked ?? original, ...(personId === '' ? {} : { personId }) },
      }),
    enabled: asked !== undefined,
    placeholderData: keepPreviousData,
  });
  return {
    draft,
    update: ((change) => setDraft((old) => ({ ...old, ...change }))) as Update,
    replace: setDraft,
    reset: () => setDraft(original),
    personId,
    setPersonId,
    problems,
    comparison,
    /** The answer is for what stands there now. */
    settled: shape.success && asked === shape.data && !comparison.isFetching,
  };
}

/** The first sentence about a field, or about something within it. */
export function errorAt(problems: readonly { path: string; message: string }[], path: string): string | undefined {
  return problems.find((one) => one.path === path || one.path.startsWith(`${path}.`))?.message;
}
