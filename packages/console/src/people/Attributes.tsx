/** What certificates may say of a person beside their name; in which language, and to whom beside them, the office writes. */
import type { PersonAttributes } from '@chancery/api';
import { SimpleGrid, TextInput } from '@mantine/core';

type Name = keyof PersonAttributes;
type Values = Record<Name, string>;

const attributeNames: Readonly<Record<Name, string>> = {
  givenName: 'Given name',
  surname: 'Surname',
  title: 'Title',
  department: 'Department',
  employeeId: 'Employee number',
  country: 'Country',
  language: 'Language',
  manager: 'Manager’s address',
};
const names = Object.keys(attributeNames) as Name[];

/** As a form has them: empty where there is none. */
export function emptied(attributes: PersonAttributes): Values {
  const value = (name: Name) => attributes[name] ?? '';
  return {
    givenName: value('givenName'),
    surname: value('surname'),
    title: value('title'),
    department: value('department'),
    employeeId: value('employeeId'),
    country: value('country'),
    language: value('language'),
    manager: value('manager'),
  };
}

export function filled(values: Values): PersonAttributes {
  return Object.fromEntries(
    names.map((name) => [name, values[name].trim()] as const).filter(([, value]) => value !== ''),
  );
}

/** Those the directory has, as facts. */
export function shownAttributes(attributes: PersonAttributes): (readonly [name: string, value: string])[] {
  return names.flatMap((name) => {
    const value = attributes[name];
    return value === undefined ? [] : [[attributeNames[name], value] as const];
  });
}

interface FieldsProps {
  form: { getInputProps(path: string): object };
}

/** They stand in a certificate where its profile asks for them. */
export function AttributeFields({ form }: FieldsProps) {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
      {names.map((name) => (
        <TextInput
          key={name}
          label={attributeNames[name]}
          maxLength={name === 'manager' ? 254 : 64}
          {...form.getInputProps(`attributes.${name}`)}
        />
      ))}
    </SimpleGrid>
  );
}
