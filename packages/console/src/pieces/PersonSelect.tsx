import { Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api } from '../api.ts';

interface PersonSelectProps {
  label: string;
  placeholder?: string;
  required?: boolean;
  value: string;
  error?: ReactNode;
  onChange: (personId: string) => void;
}

/** Finds one person by what is typed. The value is their id, or empty. */
export function PersonSelect({
  label,
  placeholder = 'Type a name or an address',
  required = false,
  value,
  error,
  onChange,
}: PersonSelectProps) {
  const [typed, setTyped] = useState('');
  const chosen = useQuery({
    queryKey: ['people', 'one', value],
    queryFn: () => api.person({ params: { id: value } }),
    enabled: value !== '',
  });
  const chosenLabel = chosen.data === undefined ? null : labelOf(chosen.data);
  const wanted = typed === chosenLabel ? '' : typed;
  const [search] = useDebouncedValue(wanted, 200);
  const found = useQuery({
    queryKey: ['people', 'pick', search],
    queryFn: () => api.people({ query: { limit: 20, ...(search === '' ? {} : { search }) } }),
    placeholderData: keepPreviousData,
  });
  // Until the answer to what was typed is there, only those of the last answer that fit it may be picked.
  const late = search !== wanted || found.isPlaceholderData;
  const options = new Map(
    (found.data?.items ?? [])
      .map((person) => [person.id, labelOf(person)] as const)
      .filter(([, label]) => !late || label.toLowerCase().includes(wanted.toLowerCase())),
  );
  if (chosenLabel !== null && wanted === '') options.set(value, chosenLabel);
  return (
    <Select
      label={label}
      placeholder={placeholder}
      required={required}
      clearable={!required}
      clearButtonProps={{ 'aria-label': `${label}: nobody in particular` }}
      searchable
      searchValue={typed}
      onSearchChange={setTyped}
      filter={({ options: all }) => all}
      nothingFoundMessage={late || found.isPending ? 'Looking…' : 'Nobody matches'}
      data={Array.from(options, ([id, label]) => ({ value: id, label }))}
      value={value === '' ? null : value}
      error={error ?? chosen.error?.message}
      onChange={(id) => onChange(id ?? '')}
    />
  );
}

const labelOf = (person: { name: string; address: string }) => `${person.name}, ${person.address}`;
